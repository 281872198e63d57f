/*
 * status-ask - what the nodes of a cluster say of themselves, asked from the desk
 *
 * Two ways, both at once: by ssh to each node (status-ssh), and by the API server, once it is up
 * (status-api). Of a node's two answers the newer one counts (status-node).
 *
 * Units: milliseconds of clock_ms(). Ownership: a status_ask owns all but the cluster.
 */
#pragma once

#include "forwards.h"
#include "status-node.h"

struct status_ask;
struct status_ask_options {
	const struct forwards *forwards; /* NULL: the nodes' own addresses */
	const char *identity;		 /* ssh's key file; NULL: what ssh finds */
};

int status_ask_new(const struct cluster *c, const struct status_ask_options *o,
		   struct status_ask **ret, struct err *err) MUST_CHECK;
void status_ask_free(struct status_ask *a);
static inline void status_ask_freep(struct status_ask **a)
{
	status_ask_free(*a);
}
#define cleanup_status_ask CLEANUP(status_ask_freep)

/* Waits up to @wait_ms for news and takes it in. A node's silence is no error. */
int status_ask_turn(struct status_ask *a, unsigned int wait_ms, struct err *err) MUST_CHECK;
const struct status_node *status_ask_nodes(const struct status_ask *a, size_t *ret_len);
/* Both ways have been tried for every node. */
bool status_ask_all_asked(const struct status_ask *a);
/* Every node but those that run on demand says that it is ready, lately. */
bool status_ask_all_up(const struct status_ask *a);
const char *status_ask_api_problem(const struct status_ask *a); /* "": the API answers */
const char *status_ask_fsid(const struct status_ask *a);	/* "": not known */
