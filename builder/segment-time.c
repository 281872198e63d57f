#include "segment-time.h"

#include <string.h>

#define ETHERNET 14u
#define IPV4_MIN 20u
#define IPV6 40u
#define UDP 8u
#define NTP 48u
#define PROTOCOL_UDP 17
#define PORT_NTP 123
#define MODE_CLIENT 3
#define MODE_SERVER 4
#define STRATUM 10 /* as who has no better source than a clock of his own */
#define SECONDS_1900_TO_1970 UINT64_C(2208988800)
#define NS_PER_S UINT64_C(1000000000)

static unsigned int be16(const uint8_t *p)
{
	return (unsigned int)p[0] << 8 | p[1];
}
static void put_be16(uint8_t *p, unsigned int v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}
static void put_be32(uint8_t *p, uint64_t v)
{
	put_be16(p, (unsigned int)(v >> 16) & 0xffff);
	put_be16(p + 2, (unsigned int)v & 0xffff);
}

static void swap(uint8_t *a, uint8_t *b, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		uint8_t keep = a[i];

		a[i] = b[i];
		b[i] = keep;
	}
}

/* Where the network's header has what; swapping its addresses leaves IPv4's checksum right. */
struct place {
	size_t udp;	 /* offset of the header */
	size_t src, dst; /* offsets of the addresses */
	size_t addr_len;
	const struct ip_addr *gateway;
};

static bool find_ipv4(const struct segment_time *t, const uint8_t *f, size_t len, struct place *ret)
{
	const uint8_t *ip = f + ETHERNET;
	size_t header;

	if (len < ETHERNET + IPV4_MIN || ip[0] >> 4 != 4 || ip[9] != PROTOCOL_UDP)
		return false;
	header = (size_t)(ip[0] & 15) * 4;
	if (header < IPV4_MIN || be16(ip + 2) != header + UDP + NTP || be16(ip + 6) & 0x3fff)
		return false; /* other lengths, fragments */
	*ret = (struct place){ ETHERNET + header, ETHERNET + 12, ETHERNET + 16, 4,
			       &t->gateways[0] };
	return true;
}

static bool find_ipv6(const struct segment_time *t, const uint8_t *f, size_t len, struct place *ret)
{
	const uint8_t *ip = f + ETHERNET;

	if (len < ETHERNET + IPV6 || ip[0] >> 4 != 6 || ip[6] != PROTOCOL_UDP ||
	    be16(ip + 4) != UDP + NTP)
		return false;
	*ret = (struct place){ ETHERNET + IPV6, ETHERNET + 8, ETHERNET + 24, 16, &t->gateways[1] };
	return true;
}

static bool find_question(const struct segment_time *t, const uint8_t *f, size_t len,
			  struct place *ret)
{
	unsigned int type = len >= ETHERNET ? be16(f + 12) : 0;

	if (!(type == 0x0800 && find_ipv4(t, f, len, ret)) &&
	    !(type == 0x86dd && find_ipv6(t, f, len, ret)))
		return false;
	return ret->udp + UDP + NTP <= len && ret->gateway->family != IP_NONE &&
	       memcmp(f + ret->dst, ret->gateway->bytes, ret->addr_len) == 0 &&
	       be16(f + ret->udp + 2) == PORT_NTP && be16(f + ret->udp + 4) == UDP + NTP &&
	       (f[ret->udp + UDP] & 7) == MODE_CLIENT;
}

static unsigned int checksum(const uint8_t *f, const struct place *p)
{
	uint32_t sum = PROTOCOL_UDP + UDP + NTP; /* with the addresses, the pseudo header */

	for (size_t i = 0; i < p->addr_len; i += 2)
		sum += be16(f + p->src + i) + be16(f + p->dst + i);
	for (size_t i = 0; i < UDP + NTP; i += 2)
		sum += be16(f + p->udp + i);
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	sum = ~sum & 0xffff;
	return sum ? sum : 0xffff; /* 0 would be: none */
}

static void put_time(uint8_t *p, uint64_t now_ns)
{
	put_be32(p, now_ns / NS_PER_S + SECONDS_1900_TO_1970);
	put_be32(p + 4, ((now_ns % NS_PER_S) << 32) / NS_PER_S);
}

static void fill(uint8_t *ntp, uint64_t now_ns)
{
	static const uint8_t source[] = { 'L', 'O', 'C', 'L' };
	uint8_t version = ntp[0] & 0x38, asked[8];

	memcpy(asked, ntp + 40, sizeof(asked));
	memset(ntp, 0, NTP);
	ntp[0] = version | MODE_SERVER;
	ntp[1] = STRATUM;
	ntp[3] = (uint8_t)-20; /* precision: 2^-20 s */
	memcpy(ntp + 12, source, sizeof(source));
	put_time(ntp + 16, now_ns);
	memcpy(ntp + 24, asked, sizeof(asked));
	put_time(ntp + 32, now_ns);
	put_time(ntp + 40, now_ns);
}

size_t segment_time_answer(const struct segment_time *t, const uint8_t *frame, size_t len,
			   uint64_t now_ns, uint8_t *ret)
{
	struct place p;
	size_t size;

	if (!find_question(t, frame, len, &p))
		return 0;
	size = p.udp + UDP + NTP; /* at most 14 + 60 + 56 */
	memcpy(ret, frame, size);
	swap(ret, ret + 6, 6);
	swap(ret + p.src, ret + p.dst, p.addr_len);
	swap(ret + p.udp, ret + p.udp + 2, 2);
	fill(ret + p.udp + UDP, now_ns);
	put_be16(ret + p.udp + 6, 0);
	put_be16(ret + p.udp + 6, checksum(ret, &p));
	return size;
}
