/*
 * dns-query - ask one DNS server one question and wait for the answer
 *
 * Over UDP with a random id, from a socket connected to the server, so that only its answers
 * count; sent again while there is none; over TCP when the answer did not fit. No caches, no
 * resolv.conf: what is proven is that this server answers, here and now.
 * Errors: -ETIMEDOUT, -ECONNREFUSED, -ENETUNREACH, ..., with the server in err; what the server
 * says (NXDOMAIN) is no error but ret->rcode.
 */
#pragma once

#include "dns-message.h"
#include "err.h"

#define DNS_PORT 53

int dns_ask(const struct ip_addr *server, uint16_t port, const char *name, enum dns_type type,
	    unsigned int timeout_ms, struct dns_answer *ret, struct err *err) MUST_CHECK;
