/*
 * Roles, labels and taints of all nodes: the control-plane's work, since a kubelet may
 * not set roles nor touch its own taints. Only what cluster.yaml says is applied, by
 * server-side apply, so that what others set stays.
 */
#include "agent.h"
#include "json.h"

#include <string.h>

#define MANAGER "kiln"

static int add_labels(json_t *labels, const struct json_map *map)
{
	for (size_t i = 0; i < map->len; i++)
		if (json_object_set_new(labels, map->keys[i], json_string(map->values[i])) < 0)
			return -ENOMEM;
	return 0;
}

static int build(const char *name, bool control_plane, const struct json_map *labels, struct buf *b,
		 struct err *err)
{
	cleanup_json json_t *j = json_pack("{s:s, s:s, s:{s:s, s:{}}}", "apiVersion", "v1", "kind",
					   "Node", "metadata", "name", name, "labels");
	json_t *l = json_object_get(json_object_get(j, "metadata"), "labels");
	const char *role = control_plane ? "node-role.kubernetes.io/control-plane"
					 : "node-role.kubernetes.io/worker";

	if (!j || json_object_set_new(l, role, json_string("true")) < 0 ||
	    add_labels(l, labels) < 0)
		return err_nomem(err);
	return js_canonical(j, b) < 0 ? err_nomem(err) : 0;
}

/* 1: that node is not registered, which for a peer is nobody's fault. */
static int apply(struct agent *a, const char *name, bool control_plane,
		 const struct json_map *labels, struct step_turn *turn, struct err *err)
{
	cleanup_buf struct buf body = BUF_INIT(1 << 20);
	char path[512];
	cleanup_kube_req struct kube_req get = { .method = "GET",
						 .path = path,
						 .timeout_ms = 5000 };
	cleanup_kube_req struct kube_req patch = { .method = "PATCH",
						   .path = path,
						   .timeout_ms = 5000,
						   .content_type = "application/apply-patch+yaml" };
	int r;

	/* apply would create the Node of a machine that has not joined */
	(void)snprintf(path, sizeof(path), "/api/v1/nodes/%s", name);
	r = kube_do(a->kube, &get, err);
	if (r < 0)
		return r;
	if (get.reply.class == KUBE_ABSENT)
		return 1;
	r = build(name, control_plane, labels, &body, err);
	if (r < 0)
		return r;
	(void)snprintf(path, sizeof(path), "/api/v1/nodes/%s?fieldManager=" MANAGER "&force=false",
		       name);
	patch.body = body.data;
	patch.body_len = body.len;
	r = kube_do(a->kube, &patch, err);
	if (r < 0)
		return r;
	if (patch.reply.class == KUBE_OK)
		return 0;
	if (kube_class_retries(patch.reply.class)) {
		step_reasonf(turn, "labels of %s: %s", name, patch.reply.message);
		return TURN_WAIT;
	}
	return err_setf(err, -EPROTO, "labels of %s: %s", name, patch.reply.message);
}

int step_labels(struct agent *a, struct step_turn *turn, struct err *err)
{
	size_t missing = 0;
	int r;

	if (a->node.node.role != NODE_CONTROL_PLANE) {
		step_reasonf(turn, "the control-plane's work");
		return TURN_DONE;
	}
	r = apply(a, a->node.node.name, true, &a->node.node.labels, turn, err);
	for (size_t i = 0; r >= 0 && !turn->reason[0] && i < a->node.peers.len; i++) {
		const struct node_peer *p = &a->node.peers.items[i];

		r = apply(a, p->name, p->role == NODE_CONTROL_PLANE, &p->labels, turn, err);
		missing += r == 1 && !turn->reason[0] && !p->on_demand;
	}
	if (r < 0)
		return r;
	if (turn->reason[0])
		return TURN_WAIT;
	if (missing)
		step_reasonf(turn, "%zu node%s not joined yet", missing,
			     missing == 1 ? " has" : "s have");
	return TURN_DONE;
}
