/*
 * cluster-open - read cluster.yaml for a command that needs it without mistakes
 *
 * Every mistake is shown on stderr with line and caret, as `kiln check` does; @err has
 * the summary then.
 */
#pragma once

#include "cluster.h"

#define CLUSTER_FILE "cluster.yaml" /* where nothing else is given */

int cluster_open(const char *path, struct cluster **ret, struct err *err) MUST_CHECK;
/* Loading @path failed with @r: where there is no cluster.yaml, @err says how to come by one. */
int cluster_missing(const char *path, int r, struct err *err) MUST_CHECK;
/* The node of that name; -ENOENT lists those that there are. */
int cluster_open_node(const struct cluster *c, const char *name, const struct node **ret,
		      struct err *err) MUST_CHECK;
