/*
 * qemu-net - the way out of virtual machines: QEMU's user network on the cluster's subnets
 *
 * The host plays gateway and DNS server at the addresses of cluster.yaml, so that the
 * nodes' static addresses fit; ports of 127.0.0.1 lead to the nodes. No root is needed.
 *
 * Ownership: texts are the caller's; a qemu_uplink owns its words.
 */
#pragma once

#include "cluster.h"

struct qemu_forward {
	unsigned int port; /* of 127.0.0.1 */
	const struct node *node;
	unsigned int to; /* port of the node's first address */
};

/* A TCP port of 127.0.0.1 that nothing uses now. */
int qemu_free_port(unsigned int *ret, struct err *err) MUST_CHECK;
/* The value of -netdev for a user network named @id. */
int qemu_user_net(const struct cluster *c, const char *id, const struct qemu_forward *forwards,
		  size_t len, char **ret, struct err *err) MUST_CHECK;

#define QEMU_UPLINK_ARGS 20
/* A QEMU without a machine: nothing but the user network and a connection to a switch. */
struct qemu_uplink {
	const char *argv[QEMU_UPLINK_ARGS]; /* NULL-terminated */
	char *user, *segment;		    /* owned */
};
int qemu_uplink_init(struct qemu_uplink *u, const struct cluster *c, const char *program,
		     const char *socket_path, const struct qemu_forward *forwards, size_t len,
		     struct err *err) MUST_CHECK;
void qemu_uplink_done(struct qemu_uplink *u);
#define cleanup_qemu_uplink CLEANUP(qemu_uplink_done)
