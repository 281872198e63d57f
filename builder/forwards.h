/*
 * forwards - which ports of this desk lead to which node's ssh and API server
 *
 * `kiln run --forwards FILE` writes it, `kiln status --forwards FILE` reads it:
 *	{"schema": 1, "nodes": {"hen": {"ssh": 40001, "api": 40002}, "goat": {"ssh": 40003}}}
 * Ports are of 127.0.0.1; 0: none.
 */
#pragma once

#include "cluster.h"

#define FORWARDS_MAX 32

struct forwards {
	struct {
		const struct node *node; /* borrowed from the cluster */
		unsigned int ssh, api;
	} items[FORWARDS_MAX];
	size_t len;
};

/* Free ports for every node of the cluster; ssh from @first_ssh on, one a node, unless 0. */
int forwards_pick(const struct cluster *c, unsigned int first_ssh, struct forwards *ret,
		  struct err *err) MUST_CHECK;
int forwards_write(const struct forwards *f, const char *path, struct err *err) MUST_CHECK;
/* -EINVAL: not such a file, or it names a node that the cluster does not have. */
int forwards_read(const char *path, const struct cluster *c, struct forwards *ret,
		  struct err *err) MUST_CHECK;
