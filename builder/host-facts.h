/*
 * host-facts - kernel modules, sysctls and cgroup controllers that every node needs
 *
 * The seed's files and node.json (from which kiln-node checks that they are really in
 * effect) are both made from these tables.
 */
#pragma once

#include "cluster.h"

enum host_fact_flags {
	HOST_IPV6 = 1 << 0,    /* only with IPv6 */
	HOST_PATTERN = 1 << 1, /* a name with *, which systemd-sysctl expands: not checked */
	HOST_CEPH = 1 << 2,    /* only with Ceph */
};
struct host_sysctl {
	const char *key, *value;
	unsigned int flags;
	const char *why;
};
struct host_module {
	const char *name;
	unsigned int flags;
	const char *why;
};
extern const struct host_sysctl host_sysctls[]; /* end with a NULL key, name, … */
extern const struct host_module host_modules[];
extern const char *const host_cgroups[];
/* Whether a row with these flags is for this cluster. */
bool host_fact_wanted(const struct cluster *c, unsigned int flags);
