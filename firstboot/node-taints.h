/*
 * node-taints - the taints of cluster.yaml on a Node object, beside those of others
 *
 * K3s sets taints at registration alone and a kubelet may not touch its own, so changes are a
 * control-plane's work. The annotation KILN_TAINTS says which were set for cluster.yaml; only
 * those are changed or taken off again. A taint that somebody else changed, or took off, is a
 * conflict: told, not forced. "dns-unready", which a node may carry from a shutdown, goes when
 * the cluster's DNS answers.
 */
#pragma once

#include "node-json.h"

#include <jansson.h>

#define KILN_TAINTS "kiln.dev/taints" /* "key:Effect,key:Effect" */
#define DNS_UNREADY "dns-unready"

/*
 * *ret_patch: a merge patch for the Node under a test of its resourceVersion, owned by the
 * caller; NULL: nothing is to be done. @conflict: words, "" without. -EBADMSG: no Node.
 */
int node_taints_plan(const json_t *node, const struct node_taint *want, size_t want_len,
		     bool dns_ready, json_t **ret_patch, char *conflict, size_t conflict_size,
		     struct err *err) MUST_CHECK;
