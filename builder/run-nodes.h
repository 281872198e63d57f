/*
 * run-nodes - several virtual machines on one Ethernet segment, without root
 *
 * A switch in this process (netswitch.h), a port of it that is the way out (qemu-net.h: the
 * gateway, DNS, and ports of 127.0.0.1 that lead to every node of the cluster), and a QEMU a
 * node. Machines of other processes may join at the switch's socket. When a machine ends, the
 * others go on; all end with this process, whatever ends it.
 */
#pragma once

#include "forwards.h"
#include "qemu.h"

#define RUN_NODES_MAX 16

struct run_nodes {
	const struct cluster *cluster;
	struct qemu_spec specs[RUN_NODES_MAX]; /* segments are filled in here */
	size_t len;			       /* 0: the switch and its way out alone */
	const char *switch_path;	       /* where the switch listens; NULL: somewhere */
	const char *forwards_path;	       /* NULL: not written */
	unsigned int ssh_port;		       /* of the cluster's first node; 0: free ones */
	uint64_t timeout_s;		       /* all are ended then; 0: never */
	bool print;			       /* the commands, instead of running them */
};
/*
 * Returns when every machine has ended, or the time is up. -ECHILD: a machine or the way out
 * failed; -ETIME: the time was up.
 */
int run_nodes(struct run_nodes *n, struct err *err) MUST_CHECK;
void run_print(const char *const *argv);
