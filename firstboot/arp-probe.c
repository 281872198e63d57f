#include "arp-probe.h"

#include <arpa/inet.h>
#include <errno.h>
#include <ifaddrs.h>
#include <netinet/if_ether.h>
#include <netpacket/packet.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define MAC_LEN ETH_ALEN
#define READS_MAX 4096 /* a look ends, however much the link talks */

static bool is_mac(const struct ifaddrs *i, const uint8_t mac[MAC_LEN])
{
	const struct sockaddr_ll *ll = (const void *)i->ifa_addr;

	return ll && ll->sll_family == AF_PACKET && ll->sll_halen == MAC_LEN &&
	       memcmp(ll->sll_addr, mac, MAC_LEN) == 0;
}

static bool is_ours(const struct ifaddrs *all, const uint8_t mac[MAC_LEN])
{
	for (const struct ifaddrs *i = all; i; i = i->ifa_next)
		if (is_mac(i, mac))
			return true;
	return false;
}

static const struct sockaddr_ll *address_of(const struct ifaddrs *all, const char *interface)
{
	for (const struct ifaddrs *i = all; i; i = i->ifa_next) {
		const struct sockaddr_ll *ll = (const void *)i->ifa_addr;

		if (ll && ll->sll_family == AF_PACKET && ll->sll_halen == MAC_LEN &&
		    strcmp(i->ifa_name, interface) == 0)
			return ll;
	}
	return NULL;
}

static int ask(int fd, const struct sockaddr_ll *to, const uint8_t own[MAC_LEN],
	       const struct ip_addr *addr)
{
	struct ether_arp q = {
		.ea_hdr = { .ar_hrd = htons(ARPHRD_ETHER),
			    .ar_pro = htons(ETHERTYPE_IP),
			    .ar_hln = MAC_LEN,
			    .ar_pln = sizeof(q.arp_tpa),
			    .ar_op = htons(ARPOP_REQUEST) },
	};

	memcpy(q.arp_sha, own, MAC_LEN);
	memcpy(q.arp_tpa, addr->bytes, sizeof(q.arp_tpa));
	if (sendto(fd, &q, sizeof(q), 0, (const struct sockaddr *)to, sizeof(*to)) < 0)
		return -errno;
	return 0;
}

/* Answers, announcements, and the probe of one who would like to have it too. */
static bool claims(const struct ether_arp *p, const struct ip_addr *addr)
{
	static const uint8_t none[sizeof(p->arp_spa)];

	if (memcmp(p->arp_spa, addr->bytes, sizeof(p->arp_spa)) == 0)
		return true;
	return p->ea_hdr.ar_op == htons(ARPOP_REQUEST) &&
	       memcmp(p->arp_spa, none, sizeof(none)) == 0 &&
	       memcmp(p->arp_tpa, addr->bytes, sizeof(p->arp_tpa)) == 0;
}

/* Bound to the interface: 0 instead of a protocol hears nothing until then. */
static int open_on(int ifindex)
{
	const struct sockaddr_ll here = { .sll_family = AF_PACKET,
					  .sll_protocol = htons(ETHERTYPE_ARP),
					  .sll_ifindex = ifindex };
	cleanup_close int fd = socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return -errno;
	if (bind(fd, (const struct sockaddr *)&here, sizeof(here)) < 0)
		return -errno;
	return TAKE_FD(fd);
}

void arp_probe_done(struct arp_probe *p)
{
	if (p->fd >= 0)
		(void)close(p->fd);
	p->fd = -EBADF;
}

static int ask_on(struct arp_probe *p, const struct ifaddrs *all, const char *interface,
		  const struct ip_addr *addr)
{
	const struct sockaddr_ll *own = address_of(all, interface);
	struct sockaddr_ll to;
	int r;

	if (!own)
		return -ENODEV;
	if (p->fd < 0) {
		r = open_on(own->sll_ifindex);
		if (r < 0)
			return r;
		p->fd = r;
	}
	to = *own;
	to.sll_protocol = htons(ETHERTYPE_ARP);
	memset(to.sll_addr, 0xff, MAC_LEN);
	return ask(p->fd, &to, own->sll_addr, addr);
}

void arp_probe_ask(struct arp_probe *p, const char *interface, const struct ip_addr *addr)
{
	struct ifaddrs *all = NULL;

	if (getifaddrs(&all) < 0)
		return;
	if (ask_on(p, all, interface, addr) < 0)
		arp_probe_done(p); /* the interface may be another one next time */
	freeifaddrs(all);
}

/* -EAGAIN: no more of them, else the socket is of no use any more. */
static int read_claim(int fd, const struct ifaddrs *all, const struct ip_addr *addr,
		      struct mac_addr *ret)
{
	struct ether_arp p;
	ssize_t n = recv(fd, &p, sizeof(p), MSG_DONTWAIT);

	if (n < 0)
		return -errno;
	if (n < (ssize_t)sizeof(p) || !claims(&p, addr) || is_ours(all, p.arp_sha))
		return 0;
	memcpy(ret->bytes, p.arp_sha, MAC_LEN);
	return 1;
}

bool arp_probe_heard(struct arp_probe *p, const struct ip_addr *addr, struct mac_addr *ret)
{
	struct ifaddrs *all = NULL;
	bool found = false;
	int r = 0;

	if (p->fd < 0 || getifaddrs(&all) < 0)
		return false;
	for (int i = 0; i < READS_MAX && (r >= 0 || r == -EINTR); i++) {
		r = read_claim(p->fd, all, addr, ret);
		found = found || r > 0;
	}
	freeifaddrs(all);
	if (r < 0 && r != -EAGAIN && r != -EINTR)
		arp_probe_done(p);
	return found;
}
