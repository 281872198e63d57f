/*
 * status-ssh - one ssh session to a node, which hands over status.json again and again
 *
 * As node-ssh.h has it. A session that ends is begun anew after some seconds; why is the node's
 * problem.
 *
 * Units: milliseconds of clock_ms(). Ownership: a status_ssh owns its child and descriptors; the
 * way is borrowed for each call.
 */
#pragma once

#include "buf.h"
#include "node-ssh.h"
#include "spawn.h"
#include "status-node.h"

struct status_ssh {
	struct child child; /* pid 0: none */
	int out, errors;    /* -EBADF: none; poll @out, then status_ssh_read() */
	struct buf text;
	uint64_t again_ms; /* UINT64_MAX: no way leads there */
};
void status_ssh_init(struct status_ssh *s);
void status_ssh_done(struct status_ssh *s);
/* Begins a session when none is open and it is time. */
int status_ssh_turn(struct status_ssh *s, const struct node_ssh_way *way, struct status_node *n,
		    struct err *err) MUST_CHECK;
/* Takes what has come. */
void status_ssh_read(struct status_ssh *s, struct status_node *n);
