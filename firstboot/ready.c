#include "ready.h"

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

static bool condition_false(const json_t *object, const char *type)
{
	return strcmp(js_text(ready_condition(object, type), "status"), "False") == 0;
}

static void say_condition(const json_t *object, const char *type, enum ready_state state,
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
	say_condition(object, type, READY_WAIT, ret);
}

/* Rules are asked after the rule for all kinds; they leave ret alone when the object is ready. */

/* "has": 0 means not ready because status.<key> is below want. */
static bool short_of(const json_t *o, const char *key, int64_t want, struct readiness *ret)
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
	if (condition_false(o, "NamesAccepted"))
		say_condition(o, "NamesAccepted", READY_FAILED, ret);
	else if (!ready_condition_true(o, "NamesAccepted"))
		say_condition(o, "NamesAccepted", READY_WAIT, ret);
	else if (!ready_condition_true(o, "Established"))
		say_condition(o, "Established", READY_WAIT, ret);
}

static void judge_available(const json_t *o, struct readiness *ret)
{
	if (!ready_condition_true(o, "Available"))
		say_condition(o, "Available", READY_WAIT, ret);
}

static void judge_ready(const json_t *o, struct readiness *ret)
{
	if (!ready_condition_true(o, "Ready"))
		say_condition(o, "Ready", READY_WAIT, ret);
}

/* A controller that has not looked yet: what status says is about another spec, or nothing. */
static bool unobserved(const json_t *o, struct readiness *ret)
{
	if (ready_number(o, "status.observedGeneration", -1) >= 0)
		return false;
	readiness_setf(ret, READY_WAIT, "its controller has not seen it yet");
	return true;
}

static void judge_deployment(const json_t *o, struct readiness *ret)
{
	int64_t want = ready_number(o, "spec.replicas", 1);

	if (unobserved(o, ret) || short_of(o, "updatedReplicas", want, ret) ||
	    short_of(o, "readyReplicas", want, ret) ||
	    short_of(o, "availableReplicas", want, ret)) {
		/* not terminal: before the CNI and the images are there it is the usual case */
		if (condition_false(o, "Progressing"))
			say_condition(o, "Progressing", READY_WAIT, ret);
		return;
	}
	if (ready_number(o, "status.replicas", 0) > want)
		readiness_setf(ret, READY_WAIT, "old pods have not ended yet");
	else
		judge_available(o, ret);
}

static void judge_daemonset(const json_t *o, struct readiness *ret)
{
	int64_t want = ready_number(o, "status.desiredNumberScheduled", 0);

	if (unobserved(o, ret))
		return;
	if (want == 0) {
		readiness_setf(ret, READY_WAIT, "no node takes it: desiredNumberScheduled is 0");
		return;
	}
	if (short_of(o, "currentNumberScheduled", want, ret))
		return;
	if (strcmp(js_text(o, "spec.updateStrategy.type"), "OnDelete") != 0 &&
	    short_of(o, "updatedNumberScheduled", want, ret))
		return;
	if (!short_of(o, "numberAvailable", want, ret))
		(void)short_of(o, "numberReady", want, ret);
}

static void judge_statefulset(const json_t *o, struct readiness *ret)
{
	int64_t want = ready_number(o, "spec.replicas", 1);
	int64_t partition = ready_number(o, "spec.updateStrategy.rollingUpdate.partition", 0);
	bool on_delete = strcmp(js_text(o, "spec.updateStrategy.type"), "OnDelete") == 0;

	if (unobserved(o, ret) || short_of(o, "replicas", want, ret) ||
	    short_of(o, "readyReplicas", want, ret))
		return;
	if (ready_number(o, "status.replicas", 0) > want)
		readiness_setf(ret, READY_WAIT, "more pods than wanted are still there");
	else if (on_delete)
		return;
	else if (partition > 0)
		(void)short_of(o, "updatedReplicas", want - partition, ret);
	else if (!short_of(o, "updatedReplicas", want, ret) &&
		 strcmp(js_text(o, "status.currentRevision"),
			js_text(o, "status.updateRevision")) != 0)
		readiness_setf(ret, READY_WAIT, "the new revision is not the current one yet");
}

static void judge_replicaset(const json_t *o, struct readiness *ret)
{
	int64_t want = ready_number(o, "spec.replicas", 1);

	if (ready_condition_true(o, "ReplicaFailure"))
		say_condition(o, "ReplicaFailure", READY_WAIT, ret);
	else if (!unobserved(o, ret) && !short_of(o, "fullyLabeledReplicas", want, ret) &&
		 !short_of(o, "availableReplicas", want, ret))
		(void)short_of(o, "readyReplicas", want, ret);
}

static bool is_one_of(const char *s, const char *const *list, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (strcmp(s, list[i]) == 0)
			return true;
	return false;
}

/* A container that waits for more than its turn; true: said. */
static bool waiting_trouble(const json_t *c, struct readiness *ret)
{
	static const char *const usual[] = { "", "ContainerCreating", "PodInitializing" };
	static const char *const image[] = { "ErrImageNeverPull", "ErrImagePull",
					     "ImagePullBackOff",  "InvalidImageName",
					     "ImageInspectError", "RegistryUnavailable" };
	const char *why = js_text(c, "state.waiting.reason");
	const char *message = js_text(c, "state.waiting.message");
	const json_t *last = js_at(c, "lastState.terminated");

	if (is_one_of(why, usual, ARRAY_SIZE(usual)))
		return false;
	if (is_one_of(why, image, ARRAY_SIZE(image)))
		readiness_setf(ret, READY_FAILED, "%s: image %.200s%s%.200s", why,
			       js_text(c, "image"), *message ? ": " : "", message);
	else if (last)
		readiness_setf(ret, READY_WAIT,
			       "container %.63s: %s: it ended with code %" PRId64
			       " (%.60s)%s%.200s",
			       js_text(c, "name"), why, ready_number(last, "exitCode", 0),
			       js_text(last, "reason"), *js_text(last, "message") ? ": " : "",
			       js_text(last, "message"));
	else
		readiness_setf(ret, READY_WAIT, "container %.63s: %s%s%.300s", js_text(c, "name"),
			       why, *message ? ": " : "", message);
	return true;
}

/* What the first container in trouble says of itself; true: said. */
static bool container_trouble(const json_t *o, const char *list_path, struct readiness *ret)
{
	const json_t *list = js_at(o, list_path), *c, *end;
	size_t i;

	json_array_foreach (list, i, c) {
		if (waiting_trouble(c, ret))
			return true;
		end = js_at(c, "state.terminated");
		if (!end || ready_number(end, "exitCode", 0) == 0)
			continue;
		readiness_setf(ret, READY_WAIT,
			       "container %.63s ended with code %" PRId64 " (%.60s)%s%.200s",
			       js_text(c, "name"), ready_number(end, "exitCode", 0),
			       js_text(end, "reason"), *js_text(end, "message") ? ": " : "",
			       js_text(end, "message"));
		return true;
	}
	return false;
}

static void judge_pod(const json_t *o, struct readiness *ret)
{
	const char *phase = js_text(o, "status.phase");
	bool failed = strcmp(phase, "Failed") == 0;

	if (strcmp(phase, "Succeeded") == 0)
		return;
	if (container_trouble(o, "status.initContainerStatuses", ret) ||
	    container_trouble(o, "status.containerStatuses", ret))
		ret->state = failed ? READY_FAILED : ret->state;
	else if (failed)
		readiness_setf(ret, READY_FAILED, "phase is Failed: %.60s%s%.300s",
			       js_text(o, "status.reason"),
			       *js_text(o, "status.reason") ? ": " : "",
			       js_text(o, "status.message"));
	else if (strcmp(phase, "Running") == 0)
		judge_ready(o, ret);
	else if (condition_false(o, "PodScheduled"))
		say_condition(o, "PodScheduled", READY_WAIT, ret);
	else
		readiness_setf(ret, READY_WAIT, "phase is '%s'", phase);
}

static void judge_job(const json_t *o, struct readiness *ret)
{
	if (ready_condition_true(o, "Failed"))
		say_condition(o, "Failed", READY_FAILED, ret);
	else if (ready_condition_true(o, "Suspended"))
		say_condition(o, "Suspended", READY_WAIT, ret);
	else if (!ready_condition_true(o, "Complete"))
		readiness_setf(ret, READY_WAIT,
			       "not complete: %" PRId64 " active, %" PRId64 " succeeded, %" PRId64
			       " failed",
			       ready_number(o, "status.active", 0),
			       ready_number(o, "status.succeeded", 0),
			       ready_number(o, "status.failed", 0));
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
		if (condition_false(o, lb[i])) {
			say_condition(o, lb[i], READY_WAIT, ret);
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
	if (!unobserved(o, ret))
		(void)short_of(o, "currentHealthy", ready_number(o, "status.desiredHealthy", 0),
			       ret);
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

static void judge_certificate(const json_t *o, struct readiness *ret)
{
	if (ready_condition_true(o, "Issuing"))
		say_condition(o, "Issuing", READY_WAIT, ret);
	else
		judge_ready(o, ret);
}

static void judge_phase_ready(const json_t *o, struct readiness *ret)
{
	const char *phase = js_text(o, "status.phase");

	if (strcmp(phase, "Ready") != 0)
		readiness_setf(ret, strcmp(phase, "Failure") == 0 ? READY_FAILED : READY_WAIT,
			       "phase is '%s'%s%.300s", phase,
			       *js_text(o, "status.message") ? ": " : "",
			       js_text(o, "status.message"));
}

static void judge_object_store(const json_t *o, struct readiness *ret)
{
	const char *phase = js_text(o, "status.phase");

	if (strcmp(phase, "Connected") != 0)
		judge_phase_ready(o, ret);
}

/* Health is a gate's affair, which knows the tolerated warnings. */
static void judge_ceph_cluster(const json_t *o, struct readiness *ret)
{
	judge_phase_ready(o, ret);
	if (ret->state == READY_YES && strcmp(js_text(o, "status.state"), "Created") != 0 &&
	    strcmp(js_text(o, "status.state"), "Connected") != 0)
		readiness_setf(ret, READY_WAIT, "state is '%s'", js_text(o, "status.state"));
}

static void judge_application(const json_t *o, struct readiness *ret)
{
	const char *sync = js_text(o, "status.sync.status");
	const char *health = js_text(o, "status.health.status");
	const char *phase = js_text(o, "status.operationState.phase");

	if (ready_condition(o, "ComparisonError")) {
		readiness_setf(ret, READY_WAIT, "ComparisonError: %.400s",
			       js_text(ready_condition(o, "ComparisonError"), "message"));
		return;
	}
	if (strcmp(sync, "Synced") != 0 || strcmp(health, "Healthy") != 0)
		readiness_setf(ret, READY_WAIT, "sync is '%s', health is '%s'", sync, health);
	else if (*phase && strcmp(phase, "Succeeded") != 0)
		readiness_setf(ret, READY_WAIT, "its operation is '%s': %.300s", phase,
			       js_text(o, "status.operationState.message"));
}

/* A custom resource without a rule of its own. */
static void judge_other(const json_t *o, struct readiness *ret)
{
	static const char *const good[] = { "Ready",	   "Active",	"Available",
					    "Bound",	   "Running",	"Succeeded",
					    "Established", "Connected", "Healthy" };
	const char *phase = js_text(o, "status.phase");

	if (!json_object_size(json_object_get(o, "status"))) {
		readiness_setf(ret, READY_WAIT, "it has no status yet");
		return;
	}
	if (ready_condition(o, "Ready")) {
		judge_ready(o, ret);
	} else if (ready_condition(o, "Available")) {
		judge_available(o, ret);
	} else if (*phase) {
		for (size_t i = 0; i < ARRAY_SIZE(good); i++)
			if (strcmp(phase, good[i]) == 0)
				return;
		readiness_setf(ret, READY_WAIT, "phase is '%s'", phase);
	} else {
		readiness_setf(
			ret, READY_NO_RULE,
			"%s has no rule, and neither Ready nor Available nor a phase in its status",
			js_text(o, "kind"));
	}
}

#define RBAC "rbac.authorization.k8s.io"
static const struct rule {
	const char *group, *kind;
	void (*judge)(const json_t *o, struct readiness *ret); /* NULL: being there is all */
} rules[] = {
	{ "", "Namespace", judge_namespace },
	{ "", "Pod", judge_pod },
	{ "", "PersistentVolumeClaim", judge_pvc },
	{ "", "Service", judge_service },
	{ "", NULL, NULL },
	{ "apiextensions.k8s.io", "CustomResourceDefinition", judge_crd },
	{ "apiregistration.k8s.io", "APIService", judge_available },
	{ "apps", "Deployment", judge_deployment },
	{ "apps", "DaemonSet", judge_daemonset },
	{ "apps", "StatefulSet", judge_statefulset },
	{ "apps", "ReplicaSet", judge_replicaset },
	{ "apps", NULL, NULL },
	{ "batch", "Job", judge_job },
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
	{ "cert-manager.io", "Certificate", judge_certificate },
	{ "cert-manager.io", "Issuer", judge_ready },
	{ "cert-manager.io", "ClusterIssuer", judge_ready },
	{ "ceph.rook.io", "CephCluster", judge_ceph_cluster },
	{ "ceph.rook.io", "CephBlockPool", judge_phase_ready },
	{ "ceph.rook.io", "CephFilesystem", judge_phase_ready },
	{ "ceph.rook.io", "CephObjectStore", judge_object_store },
	{ "argoproj.io", "Application", judge_application },
	{ NULL, NULL, judge_other },
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
		say_condition(o, "Stalled", READY_FAILED, ret);
	else if (ready_condition_true(o, "Reconciling"))
		say_condition(o, "Reconciling", READY_WAIT, ret);
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
		judge_pod(pod, ret);
}
