/*
 * Cilium by its own health: kinds served, agents on every node that speaks, an operator, what
 * agents write about their nodes, and the health endpoint of the agent beside us.
 *
 * Helm waits for desired less maxUnavailable pods (2), which is none on a small cluster; and a
 * node may be Ready before its agent is. A node that is off never counts.
 */
#include "curl-util.h"
#include "gate-blame.h"
#include "gate-kinds.h"
#include "gates.h"
#include "json.h"
#include "parse.h"

#include <inttypes.h>
#include <string.h>

#define HEALTH_PORT 9879
#define HEALTH_TIMEOUT_MS 3000
#define CILIUM_API "/apis/cilium.io/v2"

/* What agents need themselves: the operator makes these kinds, the chart has none of them. */
static int look_at_kinds(const struct gate_view *v, struct readiness *ret, struct err *err)
{
	static const char *const plurals[] = { "ciliumnodes", "ciliumendpoints", "ciliumidentities",
					       "ciliumnetworkpolicies",
					       "ciliumclusterwidenetworkpolicies" };
	cleanup_json json_t *list = NULL;
	enum kube_class class;
	int r = gate_try_path(v, CILIUM_API, &list, &class, ret, err);

	if (r >= 0 && class == KUBE_NOT_SERVED)
		readiness_setf(ret, READY_WAIT,
			       "no kind of cilium.io is served: its operator has "
			       "not made the CRDs yet");
	if (r < 0 || !list)
		return r;
	for (size_t i = 0; i < ARRAY_SIZE(plurals); i++) {
		const json_t *items = json_object_get(list, "resources"), *o;
		bool there = false;
		size_t k;

		json_array_foreach (items, k, o)
			there |= strcmp(js_text(o, "name"), plurals[i]) == 0;
		if (there)
			continue;
		readiness_setf(ret, READY_WAIT, "CRD %s.cilium.io is not served yet", plurals[i]);
		return 0;
	}
	return 0;
}

static bool is_control_plane(const json_t *node)
{
	return json_object_get(js_at(node, "metadata.labels"),
			       "node-role.kubernetes.io/control-plane") != NULL;
}

/* What the kubelet and the agent say of one node. */
static void judge_node(const json_t *node, const json_t *cilium_nodes, struct readiness *ret)
{
	const char *name = js_text(node, "metadata.name");
	const json_t *own = gate_find_named(cilium_nodes, name);
	const json_t *network = ready_condition(node, "NetworkUnavailable");
	struct readiness why;

	if (network && strcmp(js_text(network, "status"), "True") == 0) {
		ready_from_condition(node, "NetworkUnavailable", &why);
		readiness_setf(ret, READY_WAIT, "node %.63s: %.400s", name, why.reason);
	} else if (!own) {
		readiness_setf(ret, READY_WAIT, "node %.63s: its agent has made no CiliumNode yet",
			       name);
	} else if (json_array_size(js_at(own, "spec.addresses")) == 0) {
		readiness_setf(ret, READY_WAIT, "CiliumNode %.63s has no address yet", name);
	} else if (is_control_plane(node) && !ready_condition_true(node, "Ready")) {
		ready_from_condition(node, "Ready", &why);
		readiness_setf(ret, READY_WAIT, "node %.63s: %.400s", name, why.reason);
	}
}

/* The agent's pod on each node that speaks; pods: those of the DaemonSet. */
static void judge_agent(const json_t *ds, const json_t *node, const json_t *pods,
			struct readiness *ret)
{
	const char *name = js_text(node, "metadata.name");
	const json_t *items = json_object_get(pods, "items"), *pod;
	struct readiness why;
	size_t i;

	json_array_foreach (items, i, pod) {
		if (strcmp(js_text(pod, "spec.nodeName"), name) != 0)
			continue;
		ready_judge_pod(pod, &why);
		if (why.state == READY_YES && gate_pod_is_outdated(ds, pod))
			readiness_setf(&why, READY_WAIT, "it is of an older version");
		if (why.state != READY_YES)
			readiness_setf(ret, why.state, "agent %.100s on %.63s: %.300s",
				       js_text(pod, "metadata.name"), name, why.reason);
		return;
	}
	readiness_setf(ret, READY_WAIT, "no agent on node %.63s yet", name);
}

static int look_at_nodes(const struct gate_view *v, const json_t *ds, struct readiness *ret,
			 struct err *err)
{
	cleanup_free char *path = gate_pods_path(js_text(ds, "metadata.namespace"),
						 js_at(ds, "spec.selector.matchLabels"));
	cleanup_json json_t *nodes = NULL, *pods = NULL, *own = NULL;
	const json_t *items, *node;
	size_t i, speak = 0;
	int r;

	if (!path)
		return err_nomem(err);
	r = gate_get_path(v, path, &pods, ret, err);
	if (r >= 0 && pods)
		r = gate_get_path(v, CILIUM_API "/ciliumnodes", &own, ret, err);
	if (r >= 0 && own)
		r = gate_get_path(v, "/api/v1/nodes", &nodes, ret, err);
	if (r < 0 || !nodes)
		return r;
	items = json_object_get(nodes, "items");
	json_array_foreach (items, i, node) {
		if (!gate_node_speaks(node) || ret->state != READY_YES)
			continue;
		speak++;
		judge_agent(ds, node, pods, ret);
		if (ret->state == READY_YES)
			judge_node(node, own, ret);
	}
	if (!speak)
		readiness_setf(ret, READY_WAIT, "no node has joined yet");
	return 0;
}

/* The port of the health probe in the agent's own words: a number or the name of a port. */
static uint16_t health_port(const json_t *ds)
{
	const json_t *c = js_at(ds, "spec.template.spec.containers[0]");
	const json_t *port = js_at(c, "livenessProbe.httpGet.port"), *ports, *p;
	size_t i;

	if (json_is_integer(port))
		return (uint16_t)json_integer_value(port);
	ports = json_object_get(c, "ports");
	json_array_foreach (ports, i, p)
		if (json_is_string(port) &&
		    strcmp(js_text(p, "name"), json_string_value(port)) == 0)
			return (uint16_t)ready_number(p, "containerPort", HEALTH_PORT);
	return HEALTH_PORT;
}

static size_t no_body(char *data, size_t size, size_t n, void *user)
{
	(void)data;
	(void)user;
	return size * n;
}

/* 200 from the agent on this machine; it works when no Service and no pod network does. */
static int ask_health(uint16_t port, struct readiness *ret, struct err *err)
{
	cleanup_curl CURL *c = curl_easy_init();
	cleanup_slist struct curl_slist *headers = curl_slist_append(NULL, "brief: true");
	char url[64], text[CURL_ERROR_SIZE] = "";
	long status = 0;
	CURLcode code;

	if (!c || !headers)
		return err_nomem(err);
	(void)snprintf(url, sizeof(url), "http://127.0.0.1:%u/healthz", port);
	(void)curl_easy_setopt(c, CURLOPT_URL, url);
	(void)curl_easy_setopt(c, CURLOPT_HTTPHEADER, headers);
	(void)curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "http");
	(void)curl_easy_setopt(c, CURLOPT_NOPROXY, "*");
	(void)curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
	(void)curl_easy_setopt(c, CURLOPT_TIMEOUT_MS, (long)HEALTH_TIMEOUT_MS);
	(void)curl_easy_setopt(c, CURLOPT_ERRORBUFFER, text);
	(void)curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, no_body);
	code = curl_easy_perform(c);
	(void)curl_easy_getinfo(c, CURLINFO_RESPONSE_CODE, &status);
	if (code != CURLE_OK)
		readiness_setf(ret, READY_WAIT, "the agent on this node does not answer: %.300s",
			       text[0] ? text : curl_easy_strerror(code));
	else if (status != 200)
		readiness_setf(ret, READY_WAIT, "the agent on this node is not well: %s gives %ld",
			       url, status);
	return 0;
}

static void judge_daemonset(const json_t *ds, struct readiness *ret)
{
	int64_t want = ready_number(ds, "status.desiredNumberScheduled", 0);

	if (ready_number(ds, "status.observedGeneration", -1) <
	    ready_number(ds, "metadata.generation", 0))
		readiness_setf(ret, READY_WAIT,
			       "DaemonSet %.100s: its newest change was not seen yet",
			       js_text(ds, "metadata.name"));
	else if (want == 0)
		readiness_setf(ret, READY_WAIT, "DaemonSet %.100s: no node takes it",
			       js_text(ds, "metadata.name"));
}

int gate_cilium_health(const struct gate_view *v, const json_t *args, struct readiness *ret,
		       struct err *err)
{
	const char *ns = gate_arg_string(args, "namespace");
	const char *name = gate_arg_string(args, "daemonset");
	const char *op = gate_arg_string(args, "operator");
	cleanup_json json_t *ds = NULL;
	int r = gate_at_least(v, "deployments", ns, op ? op : "cilium-operator", 1, ret, err);

	if (r >= 0 && ret->state == READY_YES)
		r = look_at_kinds(v, ret, err);
	if (r < 0 || ret->state != READY_YES)
		return r;
	r = gate_get(v, "apps", "v1", ns, "daemonsets", name ? name : "cilium", &ds, ret, err);
	if (r < 0 || !ds)
		return r;
	judge_daemonset(ds, ret);
	if (ret->state == READY_YES)
		r = look_at_nodes(v, ds, ret, err);
	if (r >= 0 && ret->state == READY_YES)
		r = ask_health(health_port(ds), ret, err);
	return r;
}

/* Cilium writes the numbers into the conditions' messages. */
static void judge_pool(const json_t *pool, struct readiness *ret)
{
	const json_t *free_ips = ready_condition(pool, "cilium.io/IPsAvailable");
	const json_t *conflict = ready_condition(pool, "cilium.io/PoolConflict");
	uint64_t n;

	if (!conflict)
		readiness_setf(ret, READY_WAIT, "Cilium has not judged the pool yet");
	else if (strcmp(js_text(conflict, "status"), "False") != 0)
		readiness_setf(ret, READY_WAIT, "conflict: %.300s", js_text(conflict, "message"));
	else if (!free_ips || u64_parse(js_text(free_ips, "message"), &n) < 0)
		readiness_setf(ret, READY_WAIT, "Cilium has not counted its addresses yet");
	else if (n == 0)
		readiness_setf(ret, READY_WAIT, "no address of it is free");
}

int gate_lb_pool(const struct gate_view *v, const json_t *args, struct readiness *ret,
		 struct err *err)
{
	cleanup_json json_t *pool = NULL;
	int r = gate_get(v, "cilium.io", "v2", NULL, "ciliumloadbalancerippools",
			 gate_arg_string(args, "name"), &pool, ret, err);

	if (r >= 0 && pool)
		judge_pool(pool, ret);
	return r;
}

/* Cilium says only what is wrong with a policy: a condition that is True. */
int gate_l2_policy(const struct gate_view *v, const json_t *args, struct readiness *ret,
		   struct err *err)
{
	cleanup_json json_t *policy = NULL;
	const json_t *list, *c;
	size_t i;
	int r = gate_get(v, "cilium.io", "v2alpha1", NULL, "ciliuml2announcementpolicies",
			 gate_arg_string(args, "name"), &policy, ret, err);

	if (r < 0 || !policy)
		return r;
	list = js_at(policy, "status.conditions");
	json_array_foreach (list, i, c)
		if (strcmp(js_text(c, "status"), "True") == 0)
			readiness_setf(ret, READY_WAIT, "%.100s: %.300s", js_text(c, "type"),
				       js_text(c, "message"));
	return 0;
}
