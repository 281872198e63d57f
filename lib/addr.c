#include "addr.h"

#include "parse.h"

#include <arpa/inet.h>
#include <string.h>

static size_t addr_len(const struct ip_addr *a)
{
	return a->family == IP_V4 ? 4 : 16;
}

int ip_addr_parse(const char *s, struct ip_addr *ret)
{
	struct ip_addr a = { 0 };

	/* inet_pton refuses blanks, zone ids and, since glibc 2.x, leading zeros of IPv4. */
	if (inet_pton(AF_INET, s, a.bytes) == 1)
		a.family = IP_V4;
	else if (inet_pton(AF_INET6, s, a.bytes) == 1)
		a.family = IP_V6;
	else
		return -EINVAL;
	*ret = a;
	return 0;
}

/* The text before @sep, parsed; *ret_rest is what follows @sep. */
static int addr_before(const char *s, char sep, struct ip_addr *ret, const char **ret_rest)
{
	const char *end = strchr(s, sep);
	char text[IP_TEXT_MAX];

	if (!end || (size_t)(end - s) >= sizeof(text))
		return -EINVAL;
	memcpy(text, s, (size_t)(end - s));
	text[end - s] = '\0';
	*ret_rest = end + 1;
	return ip_addr_parse(text, ret);
}

int ip_prefix_parse(const char *s, struct ip_prefix *ret)
{
	struct ip_prefix p = { 0 };
	const char *rest;
	uint32_t bits;
	int r;

	r = addr_before(s, '/', &p.addr, &rest);
	if (r < 0)
		return r;
	if (u32_parse_between(rest, 0, p.addr.family == IP_V4 ? 32 : 128, &bits) < 0)
		return -EINVAL;
	p.bits = bits;
	*ret = p;
	return 0;
}

int ip_range_parse(const char *s, struct ip_range *ret)
{
	struct ip_range range;
	const char *rest;

	if (addr_before(s, '-', &range.first, &rest) < 0 || ip_addr_parse(rest, &range.last) < 0)
		return -EINVAL;
	if (range.first.family != range.last.family || ip_addr_cmp(&range.first, &range.last) > 0)
		return -EINVAL;
	*ret = range;
	return 0;
}

int mac_addr_parse(const char *s, struct mac_addr *ret)
{
	char digits[13];

	if (strlen(s) != 17)
		return -EINVAL;
	for (size_t i = 0; i < 6; i++) {
		memcpy(digits + 2 * i, s + 3 * i, 2);
		if (i < 5 && s[3 * i + 2] != ':')
			return -EINVAL;
	}
	digits[12] = '\0';
	return hex_decode(digits, ret->bytes, sizeof(ret->bytes));
}

const char *ip_addr_format(const struct ip_addr *a, char *dst)
{
	dst[0] = '\0';
	if (a->family != IP_NONE)
		(void)inet_ntop(a->family == IP_V4 ? AF_INET : AF_INET6, a->bytes, dst,
				IP_TEXT_MAX);
	return dst;
}

const char *ip_prefix_format(const struct ip_prefix *p, char *dst)
{
	size_t len = strlen(ip_addr_format(&p->addr, dst));

	(void)snprintf(dst + len, IP_TEXT_MAX - len, "/%u", p->bits);
	return dst;
}

const char *mac_addr_format(const struct mac_addr *m, char *dst)
{
	(void)snprintf(dst, IP_TEXT_MAX, "%02x:%02x:%02x:%02x:%02x:%02x", m->bytes[0], m->bytes[1],
		       m->bytes[2], m->bytes[3], m->bytes[4], m->bytes[5]);
	return dst;
}

int ip_addr_cmp(const struct ip_addr *a, const struct ip_addr *b)
{
	if (a->family != b->family)
		return a->family < b->family ? -1 : 1;
	return memcmp(a->bytes, b->bytes, addr_len(a));
}

/* Clear (or, with ones, set) all bits of @a behind the first @bits. */
static void fill_host_bits(struct ip_addr *a, unsigned int bits, bool ones)
{
	for (size_t i = 0; i < addr_len(a); i++) {
		unsigned int keep = bits > 8 * i ? bits - 8 * (unsigned int)i : 0;
		uint8_t mask = keep >= 8 ? 0 : (uint8_t)(0xff >> keep);

		a->bytes[i] = ones ? a->bytes[i] | mask : a->bytes[i] & (uint8_t)~mask;
	}
}

void ip_prefix_network(const struct ip_prefix *p, struct ip_addr *ret)
{
	*ret = p->addr;
	fill_host_bits(ret, p->bits, false);
}

static struct ip_range prefix_range(const struct ip_prefix *p)
{
	struct ip_range range = { .last = p->addr };

	ip_prefix_network(p, &range.first);
	fill_host_bits(&range.last, p->bits, true);
	return range;
}

bool ip_prefix_contains(const struct ip_prefix *p, const struct ip_addr *a)
{
	struct ip_range range = prefix_range(p);

	return ip_range_contains(&range, a);
}

bool ip_prefix_overlaps(const struct ip_prefix *a, const struct ip_prefix *b)
{
	struct ip_range range = prefix_range(a);

	return ip_range_overlaps_prefix(&range, b);
}

bool ip_prefix_is_net(const struct ip_prefix *p)
{
	struct ip_addr net;

	ip_prefix_network(p, &net);
	return ip_addr_cmp(&net, &p->addr) == 0;
}

bool ip_range_contains(const struct ip_range *r, const struct ip_addr *a)
{
	return r->first.family == a->family && ip_addr_cmp(&r->first, a) <= 0 &&
	       ip_addr_cmp(a, &r->last) <= 0;
}

bool ip_range_overlaps(const struct ip_range *a, const struct ip_range *b)
{
	return a->first.family == b->first.family && ip_addr_cmp(&a->first, &b->last) <= 0 &&
	       ip_addr_cmp(&b->first, &a->last) <= 0;
}

bool ip_range_in_prefix(const struct ip_range *r, const struct ip_prefix *p)
{
	return ip_prefix_contains(p, &r->first) && ip_prefix_contains(p, &r->last);
}

bool ip_range_overlaps_prefix(const struct ip_range *r, const struct ip_prefix *p)
{
	struct ip_range range = prefix_range(p);

	return ip_range_overlaps(r, &range);
}

int ip_prefix_nth(const struct ip_prefix *p, uint64_t n, struct ip_addr *ret)
{
	struct ip_addr a;

	ip_prefix_network(p, &a);
	for (size_t i = addr_len(&a); i-- > 0 && n;) {
		uint64_t sum = a.bytes[i] + (n & 0xff);

		a.bytes[i] = (uint8_t)sum;
		n = (n >> 8) + (sum >> 8);
	}
	if (n || !ip_prefix_contains(p, &a))
		return -ERANGE;
	*ret = a;
	return 0;
}
