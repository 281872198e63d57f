#include "ready-internal.h"

#include "json.h"

#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

static const char *const state_names[] = {
	[READY_YES] = "ready",
	[READY_WAIT] = "waiting",
	[READY_FAILED] = "failed",
	[READY_NO_RULE] = "no-rule",
};

const char *ready_state_to_string(enum ready_state s)
{
	return state_names[s];
}

void readiness_setf(struct readiness *r, enum ready_state state, const char *fmt, ...)
{
	va_list ap;

	r->state = state;
	va_start(ap, fmt);
	(void)vsnprintf(r->reason, sizeof(r->reason), fmt, ap);
	va_end(ap);
	for (char *p = r->reason; *p; p++)
		if ((unsigned char)*p < ' ')
			*p = ' ';
}

int64_t ready_number(const json_t *object, const char *path, int64_t otherwise)
{
	const json_t *v = js_at(object, path);

	return json_is_integer(v) ? (int64_t)json_integer_value(v) : otherwise;
}

const json_t *ready_condition(const json_t *object, const char *type)
{
	return js_find(js_at(object, "status.conditions"), "type", type);
}

bool ready_condition_true(const json_t *object, const char *type)
{
	return strcmp(js_text(ready_condition(object, type), "status"), "True") == 0;
}

bool ready_condition_false(const json_t *object, const char *type)
{
	return strcmp(js_text(ready_condition(object, type), "status"), "False") == 0;
}

void ready_say_condition(const json_t *object, const char *type, enum ready_state state,
			 struct readiness *ret)
{
	const json_t *c = ready_condition(object, type);
	const char *message = js_text(c, "message");

	if (!c)
		readiness_setf(ret, state, "condition %s is not there yet", type);
	else
		readiness_setf(ret, state, "%s is %s: %s%s%.400s", type, js_text(c, "status"),
			       js_text(c, "reason"), *message ? ": " : "", message);
}

void ready_from_condition(const json_t *object, const char *type, struct readiness *ret)
{
	ready_say_condition(object, type, READY_WAIT, ret);
}

/* Rules are asked after the rule for all kinds; they leave ret alone when the object is ready. */

bool ready_short_of(const json_t *o, const char *key, int64_t want, struct readiness *ret)
{
	char path[64];
	int64_t have;

	(void)snprintf(path, sizeof(path), "status.%s", key);
	have = ready_number(o, path, 0);
	if (have >= want)
		return false;
	readiness_setf(ret, READY_WAIT, "%s is %" PRId64 " of %" PRId64, key, have, want);
	return true;
}

static void judge_namespace(const json_t *o, struct readiness *ret)
{
	if (strcmp(js_text(o, "status.phase"), "Active") != 0)
		readiness_setf(ret, READY_WAIT, "phase is '%s'", js_text(o, "status.phase"));
}

static void judge_crd(const json_t *o, struct readiness *ret)
{
	if (ready_condition_false(o, "NamesAccepted"))
		ready_say_condition(o, "NamesAccepted", READY_FAILED, ret);
	else if (!ready_condition_true(o, "NamesAccepted"))
		ready_say_condition(o, "NamesAccepted", READY_WAIT, ret);
	else if (!ready_condition_true(o, "Established"))
		ready_say_condition(o, "Established", READY_WAIT, ret);
}

void ready_rule_available(const json_t *o, struct readiness *ret)
{
	if (!ready_condition_true(o, "Available"))
		ready_say_condition(o, "Available", READY_WAIT, ret);
}

void ready_rule_ready(const json_t *o, struct readiness *ret)
{
	if (!ready_condition_true(o, "Ready"))
		ready_say_condition(o, "Ready", READY_WAIT, ret);
}

static void judge_pvc(const json_t *o, struct readiness *ret)
{
	const char *phase = js_text(o, "status.phase");

	if (strcmp(phase, "Bound") != 0)
		readiness_setf(ret, strcmp(phase, "Lost") == 0 ? READY_FAILED : READY_WAIT,
			       "phase is '%s'", phase);
}

/* Does the load balancer have an address of that family ("IPv4", "IPv6")? */
static bool has_ingress(const json_t *o, const char *family)
{
	const json_t *list = js_at(o, "status.loadBalancer.ingress"), *e;
	bool v6 = strcmp(family, "IPv6") == 0;
	size_t i;

	json_array_foreach (list, i, e) {
		const char *ip = js_text(e, "ip");

		if (*js_text(e, "hostname") || (*ip && (strchr(ip, ':') != NULL) == v6))
			return true;
	}
	return false;
}

static void no_address(const json_t *o, const char *family, struct readiness *ret)
{
	static const char *const lb[] = { "cilium.io/IPAMRequestSatisfied",
					  "io.cilium/lb-ipam-request-satisfied" };

	for (size_t i = 0; i < ARRAY_SIZE(lb); i++) {
		if (ready_condition_false(o, lb[i])) {
			ready_say_condition(o, lb[i], READY_WAIT, ret);
			return;
		}
	}
	readiness_setf(ret, READY_WAIT, "no load-balancer address of %s yet", family);
}

static void judge_service(const json_t *o, struct readiness *ret)
{
	const char *type = js_text(o, "spec.type");
	const json_t *families = js_at(o, "spec.ipFamilies"), *f;
	size_t i;

	if (strcmp(type, "ExternalName") == 0)
		return;
	if (!*js_text(o, "spec.clusterIP")) {
		readiness_setf(ret, READY_WAIT, "it has no clusterIP yet");
		return;
	}
	if (strcmp(type, "LoadBalancer") != 0)
		return;
	if (json_array_size(families) == 0 && !has_ingress(o, "IPv4") && !has_ingress(o, "IPv6"))
		no_address(o, "any family", ret);
	json_array_foreach (families, i, f) {
		const char *name = json_string_value(f);

		if (name && !has_ingress(o, name)) {
			no_address(o, name, ret);
			return;
		}
	}
}

static void judge_pdb(const json_t *o, struct readiness *ret)
{
	if (!ready_unobserved(o, ret))
		(void)ready_short_of(o, "currentHealthy",
				     ready_number(o, "status.desiredHealthy", 0), ret);
}

static void judge_webhooks(const json_t *o, struct readiness *ret)
{
	const json_t *list = json_object_get(o, "webhooks"), *w;
	size_t i;

	json_array_foreach (list, i, w) {
		if (*js_text(w, "clientConfig.caBundle"))
			continue;
		readiness_setf(ret, READY_WAIT, "webhook %s of service %s has no caBundle yet",
			       js_text(w, "name"), js_text(w, "clientConfig.service.name"));
		return;
	}
}

bool ready_has_endpoint(const json_t *slices)
{
	const json_t *items = json_object_get(slices, "items"), *s, *list, *e;
	size_t i, k;

	json_array_foreach (items, i, s) {
		list = json_object_get(s, "endpoints");
		json_array_foreach (list, k, e)
			if (!json_is_false(js_at(e, "conditions.ready")) &&
			    json_array_size(json_object_get(e, "addresses")) > 0)
				return true;
	}
	return false;
}

#define RBAC "rbac.authorization.k8s.io"
static const struct rule {
	const char *group, *kind;
	void (*judge)(const json_t *o, struct readiness *ret); /* NULL: being there is all */
} rules[] = {
	{ "", "Namespace", judge_namespace },
	{ "", "Pod", ready_rule_pod },
	{ "", "PersistentVolumeClaim", judge_pvc },
	{ "", "Service", judge_service },
	{ "", NULL, NULL },
	{ "apiextensions.k8s.io", "CustomResourceDefinition", judge_crd },
	{ "apiregistration.k8s.io", "APIService", ready_rule_available },
	{ "apps", "Deployment", ready_rule_deployment },
	{ "apps", "DaemonSet", ready_rule_daemonset },
	{ "apps", "StatefulSet", ready_rule_statefulset },
	{ "apps", "ReplicaSet", ready_rule_replicaset },
	{ "apps", NULL, NULL },
	{ "batch", "Job", ready_rule_job },
	{ "batch", NULL, NULL },
	{ "policy", "PodDisruptionBudget", judge_pdb },
	{ "admissionregistration.k8s.io", "MutatingWebhookConfiguration", judge_webhooks },
	{ "admissionregistration.k8s.io", "ValidatingWebhookConfiguration", judge_webhooks },
	{ "admissionregistration.k8s.io", NULL, NULL },
	{ RBAC, NULL, NULL },
	{ "networking.k8s.io", NULL, NULL }, /* an Ingress may never get an address */
	{ "storage.k8s.io", NULL, NULL },
	{ "scheduling.k8s.io", NULL, NULL },
	{ "node.k8s.io", NULL, NULL },
	{ "coordination.k8s.io", NULL, NULL },
	{ "discovery.k8s.io", NULL, NULL },
	{ "autoscaling", NULL, NULL },
	{ "cert-manager.io", "Certificate", ready_rule_certificate },
	{ "cert-manager.io", "Issuer", ready_rule_ready },
	{ "cert-manager.io", "ClusterIssuer", ready_rule_ready },
	{ "ceph.rook.io", "CephCluster", ready_rule_ceph_cluster },
	{ "ceph.rook.io", "CephBlockPool", ready_rule_phase_ready },
	{ "ceph.rook.io", "CephFilesystem", ready_rule_phase_ready },
	{ "ceph.rook.io", "CephObjectStore", ready_rule_object_store },
	{ "argoproj.io", "Application", ready_rule_application },
	{ NULL, NULL, ready_rule_other },
};

/* First row that fits decides; a row without a kind is for the rest of its group. */
static const struct rule *find_rule(const char *group, size_t len, const char *kind)
{
	const struct rule *r = rules;

	for (; r->group; r++)
		if (strlen(r->group) == len && memcmp(r->group, group, len) == 0 &&
		    (!r->kind || strcmp(r->kind, kind) == 0))
			break;
	return r;
}

bool ready_when_present(const char *group, const char *kind)
{
	return !find_rule(group, strlen(group), kind)->judge;
}

/* Who keeps it there: finalizers, and what a Namespace says of its contents. */
static void say_deleted(const json_t *o, struct readiness *ret)
{
	static const char *const types[] = { "NamespaceDeletionDiscoveryFailure",
					     "NamespaceDeletionGroupVersionParsingFailure",
					     "NamespaceDeletionContentFailure",
					     "NamespaceContentRemaining",
					     "NamespaceFinalizersRemaining" };
	const json_t *list = js_at(o, "metadata.finalizers");
	const char *first = json_string_value(json_array_get(list, 0));

	for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
		if (!ready_condition_true(o, types[i]))
			continue;
		readiness_setf(ret, READY_WAIT, "it is being deleted: %.400s",
			       js_text(ready_condition(o, types[i]), "message"));
		return;
	}
	readiness_setf(ret, READY_WAIT, "it is being deleted%s%.200s",
		       first ? ", which waits for its finalizer " : "", first ? first : "");
}

/* What holds for every kind; false: not ready, said. */
static bool judge_any(const json_t *o, struct readiness *ret)
{
	int64_t generation = ready_number(o, "metadata.generation", -1);
	int64_t seen = ready_number(o, "status.observedGeneration", -1);

	if (*js_text(o, "metadata.deletionTimestamp"))
		say_deleted(o, ret);
	else if (seen >= 0 && seen < generation)
		readiness_setf(ret, READY_WAIT,
			       "its controller has not seen the newest change (%" PRId64
			       " of %" PRId64 ")",
			       seen, generation);
	else if (ready_condition_true(o, "Stalled"))
		ready_say_condition(o, "Stalled", READY_FAILED, ret);
	else if (ready_condition_true(o, "Reconciling"))
		ready_say_condition(o, "Reconciling", READY_WAIT, ret);
	else
		return true;
	return false;
}

void ready_judge(const json_t *object, struct readiness *ret)
{
	const char *version = js_text(object, "apiVersion"), *slash = strchr(version, '/');
	const struct rule *rule =
		find_rule(version, slash ? (size_t)(slash - version) : 0, js_text(object, "kind"));

	*ret = (struct readiness){ .state = READY_YES };
	if (judge_any(object, ret) && rule->judge)
		rule->judge(object, ret);
}

void ready_judge_pod(const json_t *pod, struct readiness *ret)
{
	*ret = (struct readiness){ .state = READY_YES };
	if (judge_any(pod, ret))
		ready_rule_pod(pod, ret);
}
