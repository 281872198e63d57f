/*
 * addr - IPv4 and IPv6 addresses, prefixes, ranges and MAC addresses
 *
 * Bytes are in network order; an IPv4 address uses the first four of bytes[].
 * Text forms are RFC 5952 (what inet_ntop writes). Parsers take the whole
 * string or return -EINVAL; they accept no leading or trailing blanks, no
 * leading zeros in IPv4, no zone ids.
 */
#pragma once

#include "macros.h"

#include <stdbool.h>

enum ip_family { IP_NONE = 0, IP_V4 = 4, IP_V6 = 6 };

#define IP_TEXT_MAX 64 /* longest text of an address, prefix or half a range, with NUL */

struct ip_addr {
	enum ip_family family;
	uint8_t bytes[16];
};
struct ip_prefix {
	struct ip_addr addr; /* as written; host bits may be set unless net_only was asked */
	unsigned int bits;   /* prefix length: 0..32 or 0..128 */
};
struct ip_range { /* first <= last, same family, both inclusive */
	struct ip_addr first, last;
};
struct mac_addr {
	uint8_t bytes[6];
};

int ip_addr_parse(const char *s, struct ip_addr *ret) MUST_CHECK;
int ip_prefix_parse(const char *s, struct ip_prefix *ret) MUST_CHECK; /* "A/BITS" */
int ip_range_parse(const char *s, struct ip_range *ret) MUST_CHECK;   /* "A-B" */
int mac_addr_parse(const char *s,
		   struct mac_addr *ret) MUST_CHECK; /* aa:bb:cc:dd:ee:ff, any case */

/* The texts are written to dst (at least IP_TEXT_MAX bytes) and dst is returned. */
const char *ip_addr_format(const struct ip_addr *a, char *dst);
const char *ip_prefix_format(const struct ip_prefix *p, char *dst);
const char *mac_addr_format(const struct mac_addr *m, char *dst); /* lower case */

int ip_addr_cmp(const struct ip_addr *a, const struct ip_addr *b); /* family first */
bool ip_prefix_contains(const struct ip_prefix *p, const struct ip_addr *a);
bool ip_prefix_overlaps(const struct ip_prefix *a, const struct ip_prefix *b);
bool ip_prefix_is_net(const struct ip_prefix *p); /* no host bits set */
bool ip_range_contains(const struct ip_range *r, const struct ip_addr *a);
bool ip_range_overlaps(const struct ip_range *a, const struct ip_range *b);
bool ip_range_in_prefix(const struct ip_range *r, const struct ip_prefix *p);
bool ip_range_overlaps_prefix(const struct ip_range *r, const struct ip_prefix *p);
void ip_prefix_network(const struct ip_prefix *p, struct ip_addr *ret); /* host bits cleared */
/* The n-th address of the network (0 is the network itself); -ERANGE beyond its end. */
int ip_prefix_nth(const struct ip_prefix *p, uint64_t n, struct ip_addr *ret) MUST_CHECK;
