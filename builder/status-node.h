/*
 * status-node - what is known of one node: the newer of the answers that came either way
 *
 * Ownership: a status_node owns its status, and borrows the node.
 */
#pragma once

#include "cluster.h"
#include "status-json.h"

#include <stdbool.h>

#define STATUS_PROBLEM_MAX 256
#define STATUS_STALE_S 300 /* a node that wrote nothing for so long is not up */

struct status_node {
	const struct node *node;
	struct status_json status; /* when known */
	bool known, by_api;
	char problem[STATUS_PROBLEM_MAX]; /* why ssh does not work now; "" */
	bool asked;			  /* ssh has answered or failed at least once */
};
/* An answer: status.json's text. An older one is dropped, a wrong one becomes the problem. */
void status_node_take(struct status_node *n, const char *text, size_t len, bool by_api);
bool status_node_up(const struct status_node *n); /* it says that it is ready, lately */
/* A line for a person, made of what another machine sent. */
void status_problem(char dst[STATUS_PROBLEM_MAX], const char *text);
