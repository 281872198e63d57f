/*
 * Roles, labels and taints of all nodes: the control-plane's work, since a kubelet may
 * not set roles nor touch its own taints. Only what cluster.yaml says is applied: labels by
 * server-side apply, taints as node-taints.h says, so that what others set stays. A conflict is
 * told and not forced, and keeps no other node from its labels. Nodes on demand may be away.
 */
#include "agent.h"
#include "json.h"
#include "node-taints.h"

#include <string.h>

#define MANAGER "kiln"

/* A gate "dns-query" of this node's sequence is open. */
static bool dns_answers(const struct agent *a)
{
	size_t len = 0;
	const struct status_component *c = a->sequence ? sequence_status(a->sequence, &len) : NULL;

	for (size_t i = 0; i < len; i++)
		for (size_t k = 0; k < c[i].gates.len; k++)
			if (strcmp(c[i].gates.items[k].name, "dns-query") == 0 &&
			    c[i].gates.items[k].state == STEP_DONE)
				return true;
	return false;
}

static int add_labels(json_t *labels, const struct json_map *map)
{
	for (size_t i = 0; i < map->len; i++)
		if (json_object_set_new(labels, map->keys[i], json_string(map->values[i])) < 0)
			return -ENOMEM;
	return 0;
}

/* NULL: no memory. */
static json_t *build(const char *name, bool control_plane, const struct json_map *labels)
{
	cleanup_json json_t *j = json_pack("{s:s, s:s, s:{s:s, s:{}}}", "apiVersion", "v1", "kind",
					   "Node", "metadata", "name", name, "labels");
	json_t *l = json_object_get(json_object_get(j, "metadata"), "labels");
	const char *role = control_plane ? "node-role.kubernetes.io/control-plane"
					 : "node-role.kubernetes.io/worker";

	if (!j || json_object_set_new(l, role, json_string("true")) < 0 ||
	    add_labels(l, labels) < 0)
		return NULL;
	return TAKE_PTR(j);
}

/* One node of the cluster, this one or a peer. */
struct labelled {
	const char *name;
	bool control_plane, on_demand;
	const struct json_map *labels;
	const struct node_taint *taints;
	size_t taints_len;
};

static int patch(struct agent *a, const char *path, const char *type, json_t *body,
		 struct kube_req *req, struct err *err)
{
	cleanup_buf struct buf b = BUF_INIT(1 << 20);
	int r;

	if (js_canonical(body, &b) < 0)
		return err_nomem(err);
	req->method = "PATCH";
	req->path = path;
	req->content_type = type;
	req->timeout_ms = 5000;
	req->body = b.data;
	req->body_len = b.len;
	r = kube_do(a->kube, req, err);
	req->body = NULL;
	return r;
}

/* The answer in words where it is none that counts: a wait, or what stays open. */
static int judge(const struct kube_reply *reply, const char *name, const char *what,
		 struct step_turn *turn, struct err *open)
{
	if (reply->class == KUBE_OK)
		return TURN_DONE;
	if (kube_class_retries(reply->class) || reply->class == KUBE_CONFLICT) {
		step_reasonf(turn, "%s of %s: %s", what, name, reply->message);
		return TURN_WAIT;
	}
	(void)err_setf(open, -EPROTO, "%s of %s: %s", what, name, reply->message);
	return TURN_DONE;
}

static int apply_labels(struct agent *a, const struct labelled *n, struct step_turn *turn,
			struct err *open, struct err *err)
{
	cleanup_json json_t *body = build(n->name, n->control_plane, n->labels);
	cleanup_kube_req struct kube_req req = { 0 };
	char path[512];
	int r;

	if (!body)
		return err_nomem(err);
	(void)snprintf(path, sizeof(path), "/api/v1/nodes/%s?fieldManager=" MANAGER "&force=false",
		       n->name);
	r = patch(a, path, "application/apply-patch+yaml", body, &req, err);
	return r < 0 ? r : judge(&req.reply, n->name, "labels", turn, open);
}

static int apply_taints(struct agent *a, const struct labelled *n, const json_t *node,
			struct step_turn *turn, struct err *open, struct err *err)
{
	cleanup_kube_req struct kube_req req = { 0 };
	cleanup_json json_t *body = NULL;
	char path[512], conflict[200];
	int r = node_taints_plan(node, n->taints, n->taints_len, dns_answers(a), &body, conflict,
				 sizeof(conflict), err);

	if (r < 0)
		return r;
	if (conflict[0])
		(void)err_setf(open, -EPROTO,
			       "%s of %s, by another hand than Kiln's: it is left so", conflict,
			       n->name);
	if (!body)
		return TURN_DONE;
	(void)snprintf(path, sizeof(path), "/api/v1/nodes/%s?fieldManager=" MANAGER, n->name);
	r = patch(a, path, "application/merge-patch+json", body, &req, err);
	return r < 0 ? r : judge(&req.reply, n->name, "taints", turn, open);
}

/* @missing counts a node that is not registered: apply would create it. */
static int one(struct agent *a, const struct labelled *n, size_t *missing, struct step_turn *turn,
	       struct err *open, struct err *err)
{
	char path[512];
	cleanup_kube_req struct kube_req get = { .method = "GET",
						 .path = path,
						 .timeout_ms = 5000 };
	cleanup_json json_t *node = NULL;
	int r;

	(void)snprintf(path, sizeof(path), "/api/v1/nodes/%s", n->name);
	r = kube_do(a->kube, &get, err);
	if (r < 0)
		return r;
	if (get.reply.class == KUBE_ABSENT) {
		*missing += !n->on_demand;
		return TURN_DONE;
	}
	if (get.reply.class != KUBE_OK)
		return judge(&get.reply, n->name, "labels", turn, open);
	node = kube_reply_json(&get.reply, err);
	if (!node)
		return -EBADMSG;
	/* taints first: they are written under a test of the version just read */
	r = apply_taints(a, n, node, turn, open, err);
	return r == TURN_DONE ? apply_labels(a, n, turn, open, err) : r;
}

static struct labelled of_peer(const struct node_peer *p)
{
	return (struct labelled){
		.name = p->name,
		.control_plane = p->role == NODE_CONTROL_PLANE,
		.on_demand = p->on_demand,
		.labels = &p->labels,
		.taints = p->taints.items,
		.taints_len = p->taints.len,
	};
}

int step_labels(struct agent *a, struct step_turn *turn, struct err *err)
{
	struct labelled self = {
		.name = a->node.node.name,
		.control_plane = true,
		.labels = &a->node.node.labels,
		.taints = a->node.node.taints.items,
		.taints_len = a->node.node.taints.len,
	};
	struct err open = { 0 };
	size_t missing = 0;
	int r;

	if (a->node.node.role != NODE_CONTROL_PLANE) {
		step_reasonf(turn, "the control-plane's work");
		return TURN_DONE;
	}
	r = one(a, &self, &missing, turn, &open, err);
	for (size_t i = 0; r == TURN_DONE && i < a->node.peers.len; i++) {
		struct labelled n = of_peer(&a->node.peers.items[i]);

		r = one(a, &n, &missing, turn, &open, err);
	}
	if (r != TURN_DONE)
		return r;
	if (open.msg[0]) { /* what is in conflict with another stays open; all else is done */
		*err = open;
		return -EPROTO;
	}
	if (missing)
		step_reasonf(turn, "%zu node%s not joined yet", missing,
			     missing == 1 ? " has" : "s have");
	return TURN_DONE;
}
