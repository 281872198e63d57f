/*
 * address-probe - has another machine on the link this node's address? (RFC 5227, RFC 4861)
 *
 * NetworkManager and the kernel ask before an address is taken and leave a duplicate down,
 * without a word of who has it; and nobody else looks when one appears later. So every look of
 * step-network.c asks once, by ARP or by a neighbour solicitation, in a way that changes nobody's
 * table for this address, and the next look hears who answered. The sockets stay open in between
 * and hear announcements too. The machine's own interfaces do not count: two on one segment answer
 * for each other.
 */
#pragma once

#include "addr.h"

struct address_probe {
	int arp_fd, nd_fd; /* owned; -EBADF: not yet asked */
};
#define ADDRESS_PROBE_INIT                                                                         \
	{                                                                                          \
		.arp_fd = -EBADF, .nd_fd = -EBADF                                                  \
	}

void address_probe_done(struct address_probe *p);
/* On an interface that is missing or down nothing is asked: what is wrong there others tell. */
void address_probe_ask(struct address_probe *p, const char *interface, const struct ip_addr *addr);
/*
 * Without waiting. True: *ret is the MAC address of another machine that has @addr, or (IPv4) is
 * about to take it. False: nobody has said so since the last call, and *ret is untouched. A node
 * has at most one address of a family: what was heard of others is thrown away.
 */
bool address_probe_heard(struct address_probe *p, const struct ip_addr *addr,
			 struct mac_addr *ret) MUST_CHECK;
