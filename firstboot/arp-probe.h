/*
 * arp-probe - has another machine on the link this node's IPv4 address? (RFC 5227)
 *
 * NetworkManager asks before it takes the address and leaves a duplicate down without a word of
 * who has it; and nobody else looks when one appears later. So every look of step-network.c asks
 * once, with no sender address, which changes nobody's table, and the next look hears who
 * answered. The socket stays open in between and hears announcements too. The machine's own
 * interfaces do not count: two on one segment answer for each other. IPv6 needs none of this, the
 * kernel asks by itself.
 */
#pragma once

#include "addr.h"

struct arp_probe {
	int fd; /* owned; -EBADF: not yet asked */
};
#define ARP_PROBE_INIT                                                                             \
	{                                                                                          \
		.fd = -EBADF                                                                       \
	}

void arp_probe_done(struct arp_probe *p);
/* On an interface that is missing or down nothing is asked: what is wrong there others tell. */
void arp_probe_ask(struct arp_probe *p, const char *interface, const struct ip_addr *addr);
/*
 * Without waiting. True: *ret is the MAC address of another machine that has @addr, or is about
 * to take it. False: nobody has said so since the last call, and *ret is untouched.
 */
bool arp_probe_heard(struct arp_probe *p, const struct ip_addr *addr,
		     struct mac_addr *ret) MUST_CHECK;
