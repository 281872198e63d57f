/*
 * The status in the cluster, for the desk: ConfigMap kiln-system/status-<node>. A control-plane
 * makes namespace, ConfigMaps and Roles for all; a worker only patches its own (its kubelet's
 * identity has get and patch on that one name, and get on `cluster`: cluster-facts.h).
 */
#include "agent.h"
#include "file.h"
#include "json.h"

#include <string.h>

#define NS CLUSTER_NS
#define QUERY "?fieldManager=kiln&force=true"

static int send_json(struct agent *a, const char *method, const char *path, const char *type,
		     json_t *body, struct step_turn *turn, struct err *err)
{
	cleanup_json json_t *owned = body;
	cleanup_buf struct buf b = BUF_INIT(1 << 20);
	cleanup_kube_req struct kube_req req = {
		.method = method, .path = path, .content_type = type, .timeout_ms = 5000
	};
	int r;

	if (!owned || js_canonical(owned, &b) < 0)
		return err_nomem(err);
	req.body = b.data;
	req.body_len = b.len;
	r = kube_do(a->kube, &req, err);
	if (r < 0)
		return r;
	if (req.reply.class == KUBE_OK)
		return TURN_DONE;
	step_reasonf(turn, "%s: %s", path, req.reply.message);
	return TURN_WAIT;
}

static int apply(struct agent *a, const char *path, json_t *body, struct step_turn *turn,
		 struct err *err)
{
	return send_json(a, "PATCH", path, "application/apply-patch+yaml", body, turn, err);
}

/* A Role by name for one node's kubelet, and its binding. */
static int apply_role(struct agent *a, const char *node, struct step_turn *turn, struct err *err)
{
	char path[512], name[300], user[300];
	int r;

	(void)snprintf(name, sizeof(name), "status-%s", node);
	(void)snprintf(user, sizeof(user), "system:node:%s", node);
	(void)snprintf(path, sizeof(path),
		       "/apis/rbac.authorization.k8s.io/v1/namespaces/" NS "/roles/%s" QUERY, name);
	r = apply(a, path,
		  json_pack("{s:s, s:s, s:{s:s, s:s}, s:[{s:[s], s:[s], s:[s], s:[s, s]}, {s:[s], "
			    "s:[s], s:[s], s:[s]}]}",
			    "apiVersion", "rbac.authorization.k8s.io/v1", "kind", "Role",
			    "metadata", "name", name, "namespace", NS, "rules", "apiGroups", "",
			    "resources", "configmaps", "resourceNames", name, "verbs", "get",
			    "patch", "apiGroups", "", "resources", "configmaps", "resourceNames",
			    "cluster", "verbs", "get"),
		  turn, err);
	if (r != TURN_DONE)
		return r;
	(void)snprintf(path, sizeof(path),
		       "/apis/rbac.authorization.k8s.io/v1/namespaces/" NS "/rolebindings/%s" QUERY,
		       name);
	return apply(a, path,
		     json_pack("{s:s, s:s, s:{s:s, s:s}, s:{s:s, s:s, s:s}, s:[{s:s, s:s, s:s}]}",
			       "apiVersion", "rbac.authorization.k8s.io/v1", "kind", "RoleBinding",
			       "metadata", "name", name, "namespace", NS, "roleRef", "apiGroup",
			       "rbac.authorization.k8s.io", "kind", "Role", "name", name,
			       "subjects", "apiGroup", "rbac.authorization.k8s.io", "kind", "User",
			       "name", user),
		     turn, err);
}

static int apply_configmap(struct agent *a, const char *name, struct step_turn *turn,
			   struct err *err)
{
	char path[512];

	(void)snprintf(path, sizeof(path), "/api/v1/namespaces/" NS "/configmaps/%s" QUERY, name);
	return apply(a, path,
		     json_pack("{s:s, s:s, s:{s:s, s:s}}", "apiVersion", "v1", "kind", "ConfigMap",
			       "metadata", "name", name, "namespace", NS),
		     turn, err);
}

static int apply_for_node(struct agent *a, const char *node, bool worker, struct step_turn *turn,
			  struct err *err)
{
	char name[300];
	int r;

	(void)snprintf(name, sizeof(name), "status-%s", node);
	r = apply_configmap(a, name, turn, err);
	if (r == TURN_DONE && worker)
		r = apply_role(a, node, turn, err);
	return r;
}

/* Once a boot: what is there already stays as it is. */
static int prepare(struct agent *a, struct step_turn *turn, struct err *err)
{
	int r = apply(a, "/api/v1/namespaces/" NS QUERY,
		      json_pack("{s:s, s:s, s:{s:s}}", "apiVersion", "v1", "kind", "Namespace",
				"metadata", "name", NS),
		      turn, err);

	if (r == TURN_DONE)
		r = apply_configmap(a, "cluster", turn, err);
	if (r == TURN_DONE)
		r = apply_for_node(a, a->node.node.name, false, turn, err);
	for (size_t i = 0; r == TURN_DONE && i < a->node.peers.len; i++)
		r = apply_for_node(a, a->node.peers.items[i].name,
				   a->node.peers.items[i].role == NODE_WORKER, turn, err);
	return r;
}

int step_report(struct agent *a, struct step_turn *turn, struct err *err)
{
	cleanup_free char *status = NULL;
	char path[512];
	int r;

	if (a->node.node.role == NODE_CONTROL_PLANE && !a->report_ready) {
		r = prepare(a, turn, err);
		if (r != TURN_DONE)
			return r;
		a->report_ready = true;
	}
	r = file_read_at(a->run_fd, "status.json", STATUS_JSON_MAX, &status, NULL, err);
	if (r < 0)
		return r;
	(void)snprintf(path, sizeof(path), "/api/v1/namespaces/" NS "/configmaps/status-%s",
		       a->node.node.name);
	r = send_json(a, "PATCH", path, "application/merge-patch+json",
		      json_pack("{s:{s:s}}", "data", "status.json", status), turn, err);
	if (r == TURN_DONE)
		r = cluster_facts_turn(a, turn, err);
	if (r == TURN_DONE && a->facts.differs[0])
		step_reasonf(turn,
			     "Ceph's fsid is %s, but storage.fsid of this node's seed says %s: its "
			     "OSDs are foreign here; set storage.fsid right and bake anew",
			     a->facts.differs, a->node.cluster.fsid);
	return r;
}
