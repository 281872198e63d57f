/*
 * dns-message - one DNS question as bytes, and what an answer to it says
 *
 * Only what a check of the cluster's DNS needs (RFC 1035, 3596): class IN, types A and AAAA,
 * no EDNS. Nothing here waits or allocates; the bytes may come from anybody.
 */
#pragma once

#include "addr.h"

#define DNS_QUERY_MAX 300   /* header, a name of at most 255 bytes, type and class */
#define DNS_REPLY_MAX 65535 /* over TCP; without EDNS UDP gives at most 512 */
#define DNS_ADDRESSES_MAX 32

enum dns_type { DNS_A = 1, DNS_AAAA = 28 };
const char *dns_type_to_string(enum dns_type t);

struct dns_answer {
	unsigned int rcode; /* 0: no error; 3: no such name */
	bool truncated;	    /* the rest is to be had over TCP */
	size_t len; /* addresses of the type that was asked for; more than fit are left out */
	struct ip_addr addresses[DNS_ADDRESSES_MAX];
};
/* "NXDOMAIN"; "rcode 17" has no name and gives NULL. */
const char *dns_rcode_to_string(unsigned int rcode);

/* Number of bytes; -EINVAL: no name of a host. dst has DNS_QUERY_MAX. */
int dns_write_query(const char *name, enum dns_type type, uint16_t id, uint8_t *dst) MUST_CHECK;
/* -EAGAIN: not the answer to this query (id or question differ); -EBADMSG: broken. */
int dns_read_reply(const uint8_t *msg, size_t len, const uint8_t *query, size_t query_len,
		   struct dns_answer *ret) MUST_CHECK;
