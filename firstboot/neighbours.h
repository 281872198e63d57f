/*
 * neighbours - has anybody on the link been heard of lately?
 *
 * The kernel's neighbour tables (ARP and NDP, by rtnetlink) tell when an address was last
 * confirmed: by an answer to its question, or by traffic that went both ways.
 */
#pragma once

#include "node-json.h"

#include <stdint.h>

/* Make the kernel ask: one datagram to the discard port of every gateway and node. */
void neighbours_ask(const struct node_json *n);
/* Any neighbour of @interface was confirmed within @within_ms. */
int neighbours_heard(const char *interface, uint64_t within_ms, bool *ret,
		     struct err *err) MUST_CHECK;
