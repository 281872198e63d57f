/*
 * k3s-gates - is this K3s ours, does it answer, is this node in it?
 *
 * Each returns TURN_DONE, TURN_WAIT with the reason, or a negative errno. Source of the
 * rules: K3s pkg/clientaccess/token.go (the K10 hash), router.go (/cacerts without
 * credentials).
 */
#pragma once

#include "kube.h"
#include "node-json.h"
#include "step.h"

/*
 * The CA bundle that @server hands out must be the one @token pins. -EPERM: it is
 * another one: a wrong cluster, nothing may be sent there.
 */
int k3s_check_ca(const char *server, const char *token, struct step_turn *turn, struct err *err);
/*
 * The server takes @token (checked against its CA before it is sent). -EACCES: it does not.
 * A server that is not ready yet is no failure.
 */
int k3s_check_token(const char *server, const char *token, struct step_turn *turn, struct err *err);
/* A worker's kubelet identity may not see /readyz: it asks for its own Node later. */
int k3s_check_ready(struct kube *k, bool control_plane, struct step_turn *turn, struct err *err);
/* Own Node is there and has the addresses of all families. */
int k3s_check_node(struct kube *k, const struct node_json *n, struct step_turn *turn,
		   struct err *err);
