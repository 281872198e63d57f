#include "gate-kinds.h"

#include "gate-blame.h"
#include "gates.h"
#include "json.h"

#include <inttypes.h>
#include <string.h>

static const char *or_else(const char *s, const char *otherwise)
{
	return s ? s : otherwise;
}

const char *gate_meta_value(const json_t *o, const char *map, const char *key)
{
	const char *s = json_string_value(json_object_get(js_at(o, map), key));

	return s ? s : "";
}

const json_t *gate_find_named(const json_t *list, const char *name)
{
	return js_find(json_object_get(list, "items"), "metadata.name", name);
}

bool gate_pod_is_outdated(const json_t *ds, const json_t *pod)
{
	const char *now = gate_meta_value(ds, "metadata.annotations",
					  "deprecated.daemonset.template.generation");
	const char *of = gate_meta_value(pod, "metadata.labels", "pod-template-generation");

	return strcmp(js_text(ds, "spec.updateStrategy.type"), "OnDelete") != 0 && *now && *of &&
	       strcmp(now, of) != 0;
}

/* Each pod that sits on a node that is up must be ready. */
static void judge_pods(const json_t *ds, const json_t *pods, const json_t *nodes,
		       struct readiness *ret)
{
	const json_t *items = json_object_get(pods, "items"), *pod;
	size_t i, up = 0;

	json_array_foreach (items, i, pod) {
		const char *where = js_text(pod, "spec.nodeName");
		const json_t *node = gate_find_named(nodes, where);
		struct readiness r;

		if (!node || !ready_condition_true(node, "Ready"))
			continue;
		up++;
		ready_judge_pod(pod, &r);
		if (r.state == READY_YES && gate_pod_is_outdated(ds, pod))
			readiness_setf(&r, READY_WAIT, "it is of an older version");
		if (r.state == READY_YES)
			continue;
		readiness_setf(ret, r.state, "pod %.100s on %.60s: %.300s",
			       js_text(pod, "metadata.name"), where, r.reason);
		return;
	}
	if (!up)
		readiness_setf(ret, READY_WAIT, "no pod of it on a node that is up");
}

bool gate_node_speaks(const json_t *node)
{
	const json_t *ready = ready_condition(node, "Ready");

	return ready && strcmp(js_text(ready, "status"), "Unknown") != 0;
}

int gate_daemonset(const struct gate_view *v, const char *namespace, const char *name,
		   struct readiness *ret, struct err *err)
{
	cleanup_json json_t *ds = NULL, *pods = NULL, *nodes = NULL;
	cleanup_free char *path = NULL;
	int64_t want, have;
	int r = gate_get(v, "apps", "v1", namespace, "daemonsets", name, &ds, ret, err);

	if (r < 0 || !ds)
		return r;
	want = ready_number(ds, "status.desiredNumberScheduled", 0);
	have = ready_number(ds, "status.currentNumberScheduled", 0);
	if (ready_number(ds, "status.observedGeneration", -1) <
		    ready_number(ds, "metadata.generation", 0) ||
	    want == 0 || have < want) {
		if (want == 0)
			readiness_setf(ret, READY_WAIT, "%.100s: no node takes it", name);
		else
			readiness_setf(ret, READY_WAIT,
				       "%.100s: on %" PRId64 " of %" PRId64 " nodes", name, have,
				       want);
		return gate_blame_object(v, ds, ret, err);
	}
	path = gate_pods_path(namespace, js_at(ds, "spec.selector.matchLabels"));
	if (!path)
		return err_nomem(err);
	r = gate_get_path(v, "/api/v1/nodes", &nodes, ret, err);
	if (r >= 0 && nodes)
		r = gate_get_path(v, path, &pods, ret, err);
	if (r >= 0 && pods)
		judge_pods(ds, pods, nodes, ret);
	return r;
}

int gate_storage_class(const struct gate_view *v, const json_t *args, struct readiness *ret,
		       struct err *err)
{
	static const char key[] = "storageclass.kubernetes.io/is-default-class";
	const char *name = gate_arg_string(args, "name");
	cleanup_json json_t *list = NULL;
	const json_t *items, *o;
	bool ours = false;
	size_t i;
	int r = gate_get_path(v, "/apis/storage.k8s.io/v1/storageclasses", &list, ret, err);

	if (r < 0 || !list)
		return r;
	items = json_object_get(list, "items");
	json_array_foreach (items, i, o) {
		const char *n = js_text(o, "metadata.name");

		if (strcmp(gate_meta_value(o, "metadata.annotations", key), "true") != 0)
			continue;
		ours |= strcmp(n, name) == 0;
		if (strcmp(n, name) != 0) {
			readiness_setf(ret, READY_WAIT, "StorageClass %.200s is a default too", n);
			return 0;
		}
	}
	if (!gate_find_named(list, name))
		readiness_setf(ret, READY_WAIT, "StorageClass %.200s is not there", name);
	else if (!ours)
		readiness_setf(ret, READY_WAIT, "StorageClass %.200s is not the default", name);
	return 0;
}

static const json_t *find_part(const json_t *list, const char *part)
{
	const json_t *items = json_object_get(list, "items"), *o;
	size_t i;

	json_array_foreach (items, i, o)
		if (strcmp(gate_meta_value(o, "metadata.labels", "app.kubernetes.io/component"),
			   part) == 0)
			return o;
	return NULL;
}

/* Parts by label, since a release may have any name; the controller may be of either kind. */
int gate_argocd_ready(const struct gate_view *v, const json_t *args, struct readiness *ret,
		      struct err *err)
{
	static const char *const parts[] = { "application-controller", "repo-server", "server",
					     "redis" };
	static const char query[] = "?labelSelector=app.kubernetes.io%2Fpart-of%3Dargocd";
	const char *ns = gate_arg_string(args, "namespace");
	cleanup_json json_t *deployments = NULL, *sets = NULL, *apps = NULL;
	char path[512];
	int r;

	(void)snprintf(path, sizeof(path), "/apis/apps/v1/namespaces/%s/deployments%s", ns, query);
	r = gate_get_path(v, path, &deployments, ret, err);
	if (r < 0 || !deployments)
		return r;
	(void)snprintf(path, sizeof(path), "/apis/apps/v1/namespaces/%s/statefulsets%s", ns, query);
	r = gate_get_path(v, path, &sets, ret, err);
	if (r < 0 || !sets)
		return r;
	for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
		bool set = find_part(sets, parts[i]) != NULL;
		const json_t *o =
			set ? find_part(sets, parts[i]) : find_part(deployments, parts[i]);
		int64_t have = ready_number(o, "status.readyReplicas", 0);

		if (o && have >= 1 &&
		    ready_number(o, "status.observedGeneration", -1) >=
			    ready_number(o, "metadata.generation", 0))
			continue;
		readiness_setf(ret, READY_WAIT, "%s: %s", parts[i],
			       o ? "no replica is ready" : "it is not there");
		return o ? gate_blame_object(v, o, ret, err) : 0;
	}
	(void)snprintf(path, sizeof(path),
		       "/apis/argoproj.io/v1alpha1/namespaces/%s/applications?limit=1", ns);
	return gate_get_path(v, path, &apps, ret, err);
}

int gate_rook_operator(const struct gate_view *v, const json_t *args, struct readiness *ret,
		       struct err *err)
{
	const char *ns = gate_arg_string(args, "namespace");
	int r = gate_at_least(v, "deployments", ns,
			      or_else(gate_arg_string(args, "operator"), "rook-ceph-operator"), 1,
			      ret, err);

	if (r < 0 || ret->state != READY_YES)
		return r;
	return gate_at_least(
		v, "deployments", ns,
		or_else(gate_arg_string(args, "csi_operator"), "ceph-csi-controller-manager"), 1,
		ret, err);
}

int gate_csi_driver(const struct gate_view *v, const json_t *args, struct readiness *ret,
		    struct err *err)
{
	const char *name = gate_arg_string(args, "name"), *ns = gate_arg_string(args, "namespace");
	cleanup_json json_t *driver = NULL, *nodes = NULL, *csi = NULL;
	const json_t *items, *node;
	size_t i, up = 0;
	int r = gate_get(v, "storage.k8s.io", "v1", NULL, "csidrivers", name, &driver, ret, err);

	if (r >= 0 && driver)
		r = gate_get_path(v, "/api/v1/nodes", &nodes, ret, err);
	if (r >= 0 && nodes)
		r = gate_get_path(v, "/apis/storage.k8s.io/v1/csinodes", &csi, ret, err);
	if (r < 0 || !csi)
		return r;
	items = json_object_get(nodes, "items");
	json_array_foreach (items, i, node) {
		const char *n = js_text(node, "metadata.name");

		if (!ready_condition_true(node, "Ready"))
			continue;
		up++;
		if (!js_find(js_at(gate_find_named(csi, n), "spec.drivers"), "name", name)) {
			readiness_setf(ret, READY_WAIT, "node %.100s has no plugin of %.200s yet",
				       n, name);
			return ns ? gate_blame_node(v, ns, n, ret, err) : 0;
		}
	}
	if (!up)
		readiness_setf(ret, READY_WAIT, "no node is up");
	return 0;
}

static bool tolerated(const json_t *args, const char *code)
{
	const json_t *list = json_object_get(args, "tolerate"), *e;
	size_t i;

	json_array_foreach (list, i, e)
		if (strcmp(json_string_value(e), code) == 0)
			return true;
	return false;
}

static void judge_health(const json_t *cluster, const json_t *args, struct readiness *ret)
{
	const char *health = js_text(cluster, "status.ceph.health"), *code;
	const json_t *details = js_at(cluster, "status.ceph.details");
	json_t *d;

	if (strcmp(health, "HEALTH_OK") == 0)
		return;
	if (strcmp(health, "HEALTH_WARN") != 0) {
		readiness_setf(ret, READY_WAIT, "health is '%s'", health);
		return;
	}
	if (!json_object_size(details))
		readiness_setf(ret, READY_WAIT, "health is HEALTH_WARN, and it does not say why");
	json_object_foreach ((json_t *)(uintptr_t)details, code, d) {
		if (tolerated(args, code))
			continue;
		readiness_setf(ret, READY_WAIT, "%.60s: %.300s", code, js_text(d, "message"));
		return;
	}
}

static int judge_osds(const struct gate_view *v, const json_t *osds, uint64_t want,
		      struct readiness *ret, struct err *err)
{
	const json_t *items = json_object_get(osds, "items"), *o, *down = NULL;
	uint64_t up = 0;
	size_t i;

	json_array_foreach (items, i, o) {
		bool is_up = ready_number(o, "status.availableReplicas", 0) >= 1;

		up += is_up;
		if (!is_up && !down)
			down = o;
	}
	if (up >= want && !down)
		return 0;
	readiness_setf(ret, READY_WAIT,
		       "%" PRIu64 " OSDs are up, %zu are there, %" PRIu64 " are planned", up,
		       json_array_size(items), want);
	if (down)
		return gate_blame_object(v, down, ret, err);
	(void)snprintf(ret->reason + strlen(ret->reason), sizeof(ret->reason) - strlen(ret->reason),
		       "; the log of Job rook-ceph-osd-prepare-<node> says which disk was skipped");
	return 0;
}

int gate_ceph_cluster(const struct gate_view *v, const json_t *args, struct readiness *ret,
		      struct err *err)
{
	const char *ns = gate_arg_string(args, "namespace");
	cleanup_json json_t *cluster = NULL, *osds = NULL;
	char path[512];
	int r = gate_get(v, "ceph.rook.io", "v1", ns, "cephclusters", gate_arg_string(args, "name"),
			 &cluster, ret, err);

	if (r < 0 || !cluster)
		return r;
	ready_judge(cluster, ret);
	if (ret->state == READY_YES)
		judge_health(cluster, args, ret);
	if (ret->state != READY_YES)
		return 0;
	(void)snprintf(path, sizeof(path),
		       "/apis/apps/v1/namespaces/%s/deployments?labelSelector=app%%3Drook-ceph-osd",
		       ns);
	r = gate_get_path(v, path, &osds, ret, err);
	if (r >= 0 && osds)
		r = judge_osds(v, osds, gate_arg_uint(args, "osds", 0), ret, err);
	return r;
}
