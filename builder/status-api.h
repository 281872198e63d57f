/*
 * status-api - what the API server holds of the nodes: ConfigMaps kiln-system/status-<node>
 *
 * Asked again every few seconds with an admin's certificate made here, at the control-planes' own
 * addresses, for the desk need not know the name cluster.api; one that is silent is passed over. A
 * request takes as long as it does, so it has a thread of its own; all else is of the caller's
 * thread. The fsid of Ceph, once ConfigMap kiln-system/cluster has it, is kept in .kiln/secrets.
 *
 * Units: milliseconds of clock_ms(). Ownership: a status_api owns all but the cluster, and stays
 * where it is from status_api_init() on. Errors: an API server that does not answer is @problem.
 */
#pragma once

#include "forwards.h"
#include "guid.h"
#include "http.h"
#include "secrets.h"
#include "status-node.h"

#include <pthread.h>
#include <stdatomic.h>

struct status_api {
	const struct cluster *c;
	const struct forwards *forwards; /* NULL: the nodes' own addresses */
	char *url;			 /* NULL: no way to it was given */
	size_t node;			 /* of the cluster, whose API server that is */
	size_t silent;			 /* control-planes in a row that did not answer */
	struct http *http;
	struct secret ca, crt, key;
	pthread_t thread;
	bool running;
	atomic_bool done;
	struct http_request q; /* the thread's, with these, while it runs */
	int result;
	struct err why;
	uint64_t again_ms;

	bool asked;			  /* it has answered or failed at least once */
	char problem[STATUS_PROBLEM_MAX]; /* "": it answers */
	char fsid[GUID_TEXT_MAX];	  /* "": not known */
};
/* @f: NULL, or the ports that lead to the nodes; borrowed. On failure status_api_done() is due too.
 */
int status_api_init(struct status_api *a, const struct cluster *c, const struct forwards *f,
		    struct err *err) MUST_CHECK;
void status_api_done(struct status_api *a); /* also of a zeroed one */
/* Takes an answer that has come, and asks when it is time. */
int status_api_turn(struct status_api *a, struct status_node *nodes, size_t len,
		    struct err *err) MUST_CHECK;
