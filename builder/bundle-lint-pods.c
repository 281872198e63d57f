/* bundle-lint-pods - rules about pods: Cilium's bootstrap, replicas, taints */
#include "bundle-lint.h"
#include "parse.h"

#include <string.h>

#define TAINT "dns-unready"   /* what every node carries after a shutdown */
#define CILIUM_FIXED_PATCH 5U /* 1.19.5 */

static bool is(const struct bundle_item *it, const char *kind, const char *name)
{
	return strcmp(it->kind, kind) == 0 && strcmp(it->name, name) == 0;
}

static const struct bundle_item *find_item(const struct bundle_model *m, const char *kind,
					   const char *name)
{
	FOR_EACH_ITEM(m, p, it)
	{
		(void)p;
		if (is(it, kind, name))
			return it;
	}
	return NULL;
}

static bool has_env(const struct kval *pod, const char *name)
{
	const struct kval *containers = kval_get(pod, "containers");

	for (size_t i = 0; kval_is(containers, KVAL_LIST) && i < containers->items_len; i++) {
		const struct kval *env = kval_get(containers->items[i], "env");

		for (size_t k = 0; kval_is(env, KVAL_LIST) && k < env->items_len; k++)
			if (strcmp(kval_path_str(env->items[k], "name") ?: "", name) == 0)
				return true;
	}
	return false;
}

/* "quay.io/cilium/cilium:v1.19.6@sha256:..." to 1.19.6; false: no such version. */
static bool agent_version(const struct bundle_item *agent, uint32_t v[3])
{
	const struct kval *containers = kval_path(agent->v, "spec.template.spec.containers");
	const char *image = kval_is(containers, KVAL_LIST) && containers->items_len > 0
				    ? kval_path_str(containers->items[0], "image")
				    : NULL;
	const char *tag = image ? strstr(image, ":v") : NULL;
	char number[12];

	if (!tag)
		return false;
	tag += 2;
	for (int i = 0; i < 3; i++) {
		size_t len = strspn(tag, "0123456789");

		if (len == 0 || len >= sizeof(number))
			return false;
		(void)snprintf(number, sizeof(number), "%.*s", (int)len, tag);
		if (u32_parse(number, &v[i]) < 0)
			return false;
		tag += len + (i < 2 && tag[len] == '.');
	}
	return true;
}

static bool has_board(const struct cluster *c, const char *board)
{
	for (size_t i = 0; i < c->nodes_len; i++)
		if (strcmp(c->nodes[i].board, board) == 0)
			return true;
	return false;
}

/*
 * On a Pi the 1.19 line up to 1.19.3 writes wildcard entries for every Service on node
 * addresses and breaks the node's own ports (cilium 46010, 45572); before 1.19 nobody
 * answers neighbour solicitations for load-balancer addresses.
 */
static int check_cilium_version(struct bundle_model *m, const struct bundle_item *agent)
{
	uint32_t v[3];

	if (!has_board(m->cluster, "rpi5") || m->cluster->pods.len < 2 ||
	    !bundle_kind_find(m, "cilium.io", "CiliumL2AnnouncementPolicy"))
		return 0;
	if (!agent_version(agent, v))
		return bundle_find(m, FINDING_WARNING, "cilium-version", agent, NULL,
				   "the version of its image cannot be told");
	if (v[0] < 1 || (v[0] == 1 && v[1] < 19))
		return bundle_find(m, FINDING_ERROR, "cilium-version", agent, NULL,
				   "Cilium %u.%u.%u does not answer for IPv6 load-balancer "
				   "addresses; 1.19 does",
				   v[0], v[1], v[2]);
	if (v[0] == 1 && v[1] == 19 && v[2] < CILIUM_FIXED_PATCH)
		return bundle_find(m, FINDING_ERROR, "cilium-version", agent, NULL,
				   "Cilium %u.%u.%u breaks node addresses on a Pi with "
				   "kube-proxy's replacement "
				   "(cilium 46010); 1.19.%u is fixed",
				   v[0], v[1], v[2], CILIUM_FIXED_PATCH);
	return 0;
}

int lint_cilium(struct bundle_model *m)
{
	const struct bundle_item *config = find_item(m, "ConfigMap", "cilium-config");
	const struct bundle_item *agent = find_item(m, "DaemonSet", "cilium");
	const char *replacement =
		config ? kval_path_str(config->v, "data.kube-proxy-replacement") : NULL;

	if (!agent || !replacement || strcmp(replacement, "true") != 0)
		return 0;
	if (!has_env(bundle_pod_spec(agent), "KUBERNETES_SERVICE_HOST") &&
	    bundle_find(
		    m, FINDING_ERROR, "kube-proxy-api-host", agent, NULL,
		    "kube-proxy is replaced, but the agent is not told the API server's address "
		    "(k8sServiceHost): no Service works before it runs") < 0)
		return -ENOMEM;
	return check_cilium_version(m, agent);
}

static bool refuses_to_share(const struct kval *pod)
{
	const struct kval *terms = kval_path(pod, "affinity.podAntiAffinity."
						  "requiredDuringSchedulingIgnoredDuringExecution");

	for (size_t i = 0; kval_is(terms, KVAL_LIST) && i < terms->items_len; i++)
		if (strcmp(kval_path_str(terms->items[i], "topologyKey") ?: "",
			   "kubernetes.io/hostname") == 0)
			return true;
	return false;
}

static int64_t nodes_up(const struct cluster *c)
{
	int64_t n = 0;

	for (size_t i = 0; i < c->nodes_len; i++)
		n += !c->nodes[i].on_demand;
	return n;
}

/* 2: tolerates every effect, 1: one of them, 0: none. */
static int tolerates(const struct kval *pod)
{
	const struct kval *list = kval_get(pod, "tolerations");
	int best = 0;

	for (size_t i = 0; kval_is(list, KVAL_LIST) && i < list->items_len; i++) {
		const char *key = kval_path_str(list->items[i], "key"), *effect;
		const char *operator= kval_path_str(list->items[i], "operator") ?: "Equal";
		const char *value = kval_path_str(list->items[i], "value");

		if (key && *key && strcmp(key, TAINT) != 0)
			continue;
		if (strcmp(operator, "Exists") != 0 &&
		    (!key || !value || strcmp(value, "true") != 0))
			continue;
		effect = kval_path_str(list->items[i], "effect");
		if (!effect || !*effect)
			return 2;
		best = 1;
	}
	return best;
}

/* The component whose gate takes the taint off: the one with dns-query; -1: none. */
static ssize_t dns_part(const struct bundle_model *m)
{
	for (size_t i = 0; i < m->len; i++)
		for (size_t k = 0; k < m->parts[i].gates_len; k++)
			if (strcmp(m->parts[i].gates[k].name, "dns-query") == 0)
				return (ssize_t)i;
	return -1;
}

static int check_taint(struct bundle_model *m, const struct bundle_item *it, const struct kval *pod)
{
	int n = tolerates(pod);

	if (n == 2)
		return 0;
	return bundle_find(m, n == 0 ? FINDING_ERROR : FINDING_WARNING, "taint-not-tolerated", it,
			   kval_get(pod, "tolerations"),
			   n == 0 ? "does not tolerate '" TAINT
				    "', and the DNS waits for it: after a shutdown nobody "
				    "would take the taint off"
				  : "tolerates '" TAINT
				    "' for one effect only; without 'effect' it tolerates "
				    "NoSchedule and NoExecute");
}

int lint_pods(struct bundle_model *m)
{
	ssize_t dns = dns_part(m);

	FOR_EACH_ITEM(m, p, it)
	{
		ssize_t part = p - m->parts;
		const struct kval *pod = bundle_pod_spec(it);
		int64_t replicas;

		if (!pod)
			continue;
		if (kval_to_i64(kval_path(it->v, "spec.replicas"), &replicas) &&
		    refuses_to_share(pod) && replicas > nodes_up(m->cluster) &&
		    bundle_find(m, FINDING_ERROR, "operator-replicas", it,
				kval_path(it->v, "spec.replicas"),
				"%lld replicas that refuse to share a node, and only %lld nodes "
				"that are always on",
				(long long)replicas, (long long)nodes_up(m->cluster)) < 0)
			return -ENOMEM;
		if (dns < 0 || (it->gate == BUNDLE_GATE_NONE && !it->covered))
			continue;
		if ((part == dns || bundle_follows(m, (size_t)dns, (size_t)part)) &&
		    check_taint(m, it, pod) < 0)
			return -ENOMEM;
	}
	return 0;
}
