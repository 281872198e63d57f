/*
 * push - a baked seed to a node that runs: what could harm it is refused here
 *
 * The seed goes into kiln/ of the node's boot partition, as a bake would have put it there, and
 * kiln-init imports it at the next start. Everything is asked and done by ssh and sudo.
 *
 * Refused: another cluster or base image, another machine; on a control-plane another first address
 * or other ranges, which etcd and K3s cannot take over; CAs and tokens that are not the node's own
 * any more, with which K3s would not start.
 *
 * Ownership: a push owns its seed, which holds secrets; node and way are borrowed.
 * Errors: name the node; -EPERM: refused, with what differs and what would be right.
 */
#pragma once

#include "digest.h"
#include "fileset.h"
#include "node-ssh.h"
#include "seed-json.h"

struct push {
	const struct node *node;
	struct node_ssh_way way;
	char *tar;
	size_t len;
	struct seed_json json;
	struct fileset files;
	char digest[SHA256_HEX_MAX];
};
enum push_result {
	PUSH_SENT,
	PUSH_HAD,	   /* it is what the node runs with */
	PUSH_HAD_AND_CLEAN /* and another one that waited on the boot partition is gone */
};

/* The seed of @image; -ENOENT: there is none. */
int push_read(struct push *p, const char *image, struct err *err) MUST_CHECK;
void push_done(struct push *p);
int push_check(const struct push *p, struct err *err) MUST_CHECK;
/* Whole on the node's disk, and the only seed there, when this returns. */
int push_send(const struct push *p, enum push_result *ret, struct err *err) MUST_CHECK;
/*
 * Starts the node anew and waits, @deadline_s at most, until it answers at its own address and has
 * imported the seed. -EBADMSG: it started without that, and why.
 */
int push_reboot(struct push *p, uint64_t deadline_s, struct err *err) MUST_CHECK;
