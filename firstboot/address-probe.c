#include "address-probe.h"

#include <arpa/inet.h>
#include <errno.h>
#include <ifaddrs.h>
#include <netinet/icmp6.h>
#include <netinet/if_ether.h>
#include <netpacket/packet.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define MAC_LEN ETH_ALEN
#define READS_MAX 4096 /* a look ends, however much the link talks */
#define ND_HOPS 255    /* RFC 4861: whatever came through a router has less */

/* The link address of an interface of Ethernet's kind, NULL for an entry of another sort. */
static const struct sockaddr_ll *link_address(const struct ifaddrs *i)
{
	const struct sockaddr_ll *ll = (const void *)i->ifa_addr;

	return ll && ll->sll_family == AF_PACKET && ll->sll_halen == MAC_LEN ? ll : NULL;
}

static bool is_ours(const struct ifaddrs *all, const uint8_t mac[MAC_LEN])
{
	for (const struct ifaddrs *i = all; i; i = i->ifa_next) {
		const struct sockaddr_ll *ll = link_address(i);

		if (ll && memcmp(ll->sll_addr, mac, MAC_LEN) == 0)
			return true;
	}
	return false;
}

static const struct sockaddr_ll *address_of(const struct ifaddrs *all, const char *interface)
{
	for (const struct ifaddrs *i = all; i; i = i->ifa_next)
		if (link_address(i) && strcmp(i->ifa_name, interface) == 0)
			return link_address(i);
	return NULL;
}

/* Bound to the interface: with 0 instead of a protocol it hears nothing until then. */
static int arp_open(const struct sockaddr_ll *own)
{
	const struct sockaddr_ll here = { .sll_family = AF_PACKET,
					  .sll_protocol = htons(ETHERTYPE_ARP),
					  .sll_ifindex = own->sll_ifindex };
	cleanup_close int fd = socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return -errno;
	if (bind(fd, (const struct sockaddr *)&here, sizeof(here)) < 0)
		return -errno;
	return TAKE_FD(fd);
}

/* With no sender address. */
static int arp_ask(int fd, const struct sockaddr_ll *own, const struct ip_addr *addr)
{
	struct sockaddr_ll to = *own;
	struct ether_arp q = {
		.ea_hdr = { .ar_hrd = htons(ARPHRD_ETHER),
			    .ar_pro = htons(ETHERTYPE_IP),
			    .ar_hln = MAC_LEN,
			    .ar_pln = sizeof(q.arp_tpa),
			    .ar_op = htons(ARPOP_REQUEST) },
	};

	to.sll_protocol = htons(ETHERTYPE_ARP);
	memset(to.sll_addr, 0xff, MAC_LEN);
	memcpy(q.arp_sha, own->sll_addr, MAC_LEN);
	memcpy(q.arp_tpa, addr->bytes, sizeof(q.arp_tpa));
	return sendto(fd, &q, sizeof(q), 0, (struct sockaddr *)&to, sizeof(to)) < 0 ? -errno : 0;
}

/*
 * Answers, announcements, and the probe of one who would like to have it too. As all read
 * functions here: 1 with the claimant in *ret, 0: a packet of no interest, -EAGAIN: no more.
 */
static int arp_read(int fd, const struct ip_addr *addr, struct mac_addr *ret)
{
	static const uint8_t none[sizeof(((struct ether_arp *)NULL)->arp_spa)];
	struct ether_arp p;
	ssize_t n = recv(fd, &p, sizeof(p), MSG_DONTWAIT);

	if (n < 0)
		return -errno;
	if (n < (ssize_t)sizeof(p))
		return 0;
	if (memcmp(p.arp_spa, addr->bytes, sizeof(p.arp_spa)) != 0 &&
	    (p.ea_hdr.ar_op != htons(ARPOP_REQUEST) || memcmp(p.arp_spa, none, sizeof(none)) != 0 ||
	     memcmp(p.arp_tpa, addr->bytes, sizeof(p.arp_tpa)) != 0))
		return 0;
	memcpy(ret->bytes, p.arp_sha, MAC_LEN);
	return 1;
}

static int nd_set(int fd, const struct sockaddr_ll *own)
{
	struct icmp6_filter only;
	int hops = ND_HOPS, index = own->sll_ifindex;

	ICMP6_FILTER_SETBLOCKALL(&only);
	ICMP6_FILTER_SETPASS(ND_NEIGHBOR_ADVERT, &only);
	if (setsockopt(fd, SOL_SOCKET, SO_BINDTOIFINDEX, &index, sizeof(index)) < 0 ||
	    setsockopt(fd, IPPROTO_ICMPV6, ICMP6_FILTER, &only, sizeof(only)) < 0 ||
	    setsockopt(fd, IPPROTO_IPV6, IPV6_MULTICAST_HOPS, &hops, sizeof(hops)) < 0 ||
	    setsockopt(fd, IPPROTO_IPV6, IPV6_MULTICAST_IF, &index, sizeof(index)) < 0)
		return -errno;
	return 0;
}

static int nd_open(const struct sockaddr_ll *own)
{
	cleanup_close int fd =
		socket(AF_INET6, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_ICMPV6);
	int r;

	if (fd < 0)
		return -errno;
	r = nd_set(fd, own);
	return r < 0 ? r : TAKE_FD(fd);
}

/* To the solicited-node group of the address; from our link-local one, to which they answer. */
static int nd_ask(int fd, const struct sockaddr_ll *own, const struct ip_addr *addr)
{
	struct sockaddr_in6 to = { .sin6_family = AF_INET6,
				   .sin6_scope_id = (uint32_t)own->sll_ifindex,
				   .sin6_addr.s6_addr = { 0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1,
							  0xff } };
	struct {
		struct nd_neighbor_solicit head;
		struct nd_opt_hdr option;
		uint8_t mac[MAC_LEN];
	} q = { .head.nd_ns_type = ND_NEIGHBOR_SOLICIT,
		.option = { .nd_opt_type = ND_OPT_SOURCE_LINKADDR, .nd_opt_len = 1 } };

	_Static_assert(sizeof(q) == 32, "a solicitation with one option of 8 bytes");
	memcpy(to.sin6_addr.s6_addr + 13, addr->bytes + 13, 3);
	memcpy(&q.head.nd_ns_target, addr->bytes, 16);
	memcpy(q.mac, own->sll_addr, MAC_LEN);
	return sendto(fd, &q, sizeof(q), 0, (struct sockaddr *)&to, sizeof(to)) < 0 ? -errno : 0;
}

static int nd_read(int fd, const struct ip_addr *addr, struct mac_addr *ret)
{
	struct {
		struct nd_neighbor_advert head;
		struct nd_opt_hdr option;
		uint8_t mac[MAC_LEN];
	} p;
	ssize_t n = recv(fd, &p, sizeof(p), MSG_DONTWAIT);

	if (n < 0)
		return -errno;
	/* an answer to a multicast question must name its link address; Linux names nothing else */
	if (n < (ssize_t)sizeof(p) || p.head.nd_na_type != ND_NEIGHBOR_ADVERT ||
	    memcmp(&p.head.nd_na_target, addr->bytes, 16) != 0 ||
	    p.option.nd_opt_type != ND_OPT_TARGET_LINKADDR || p.option.nd_opt_len != 1)
		return 0;
	memcpy(ret->bytes, p.mac, MAC_LEN);
	return 1;
}

static const struct family {
	int (*open)(const struct sockaddr_ll *own);
	int (*ask)(int fd, const struct sockaddr_ll *own, const struct ip_addr *addr);
	int (*read)(int fd, const struct ip_addr *addr, struct mac_addr *ret);
} arp = { arp_open, arp_ask, arp_read }, ndp = { nd_open, nd_ask, nd_read };

static const struct family *family_of(struct address_probe *p, const struct ip_addr *addr,
				      int **ret_fd)
{
	*ret_fd = addr->family == IP_V6 ? &p->nd_fd : &p->arp_fd;
	return addr->family == IP_V6 ? &ndp : &arp;
}

static void forget(int *fd)
{
	if (*fd >= 0)
		(void)close(*fd);
	*fd = -EBADF;
}

void address_probe_done(struct address_probe *p)
{
	forget(&p->arp_fd);
	forget(&p->nd_fd);
}

void address_probe_ask(struct address_probe *p, const char *interface, const struct ip_addr *addr)
{
	int *fd;
	const struct family *f = family_of(p, addr, &fd);
	const struct sockaddr_ll *own;
	struct ifaddrs *all = NULL;

	if (getifaddrs(&all) < 0)
		return;
	own = address_of(all, interface);
	if (own && *fd < 0)
		*fd = f->open(own);
	/* the interface may be another one next time */
	if (!own || *fd < 0 || f->ask(*fd, own, addr) < 0)
		forget(fd);
	freeifaddrs(all);
}

bool address_probe_heard(struct address_probe *p, const struct ip_addr *addr, struct mac_addr *ret)
{
	int *fd;
	const struct family *f = family_of(p, addr, &fd);
	struct ifaddrs *all = NULL;
	bool found = false;
	int r = 0;

	if (*fd < 0 || getifaddrs(&all) < 0)
		return false;
	for (int i = 0; i < READS_MAX && (r >= 0 || r == -EINTR); i++) {
		struct mac_addr mac;

		r = f->read(*fd, addr, &mac);
		if (r > 0 && !is_ours(all, mac.bytes)) {
			*ret = mac;
			found = true;
		}
	}
	freeifaddrs(all);
	if (r < 0 && r != -EAGAIN && r != -EINTR)
		forget(fd);
	return found;
}
