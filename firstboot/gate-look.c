#include "gate-look.h"

#include "apply.h"
#include "gate-blame.h"
#include "gate-kinds.h"
#include "gates.h"
#include "json.h"
#include "sequence-object.h"

#include <inttypes.h>
#include <string.h>

#define GET_TIMEOUT_MS 5000

int gate_try_path(const struct gate_view *v, const char *path, json_t **ret,
		  enum kube_class *ret_class, struct readiness *ready, struct err *err)
{
	cleanup_kube_req struct kube_req req = { .method = "GET",
						 .path = path,
						 .timeout_ms = GET_TIMEOUT_MS };
	struct err bad = { 0 };
	int r;

	*ret = NULL;
	*ret_class = KUBE_RETRY;
	r = kube_do(v->kube, &req, &bad);
	if (r < 0) {
		readiness_setf(ready, READY_WAIT, "%.400s", bad.msg);
		return r == -ENOMEM ? err_nomem(err) : 0;
	}
	if (req.reply.class == KUBE_WRONG_CLUSTER)
		return err_setf(err, -EPERM, "the API server's certificate is not of our CA: %s",
				req.reply.message);
	*ret_class = req.reply.class;
	if (req.reply.class == KUBE_OK)
		*ret = kube_reply_json(&req.reply, &bad);
	if (*ret)
		readiness_setf(ready, READY_YES, "%s", "");
	else if (req.reply.class == KUBE_ABSENT)
		readiness_setf(ready, READY_WAIT, "%.200s is not there", path);
	else
		readiness_setf(ready, READY_WAIT, "%.150s: %.300s", path,
			       req.reply.message[0] ? req.reply.message : bad.msg);
	return 0;
}

int gate_get_path(const struct gate_view *v, const char *path, json_t **ret,
		  struct readiness *ready, struct err *err)
{
	enum kube_class unused;

	return gate_try_path(v, path, ret, &unused, ready, err);
}

int gate_get(const struct gate_view *v, const char *group, const char *version,
	     const char *namespace, const char *plural, const char *name, json_t **ret,
	     struct readiness *ready, struct err *err)
{
	cleanup_free char *path = apply_path(group, version, namespace, plural, name);

	return path ? gate_get_path(v, path, ret, ready, err) : err_nomem(err);
}

/* The object of the gate's own arguments, by its kind's rule. */
static int by_rule(const struct gate_view *v, const char *group, const char *version,
		   const char *plural, const json_t *args, struct readiness *ret, struct err *err)
{
	cleanup_json json_t *o = NULL;
	int r = gate_get(v, group, version, gate_arg_string(args, "namespace"), plural,
			 gate_arg_string(args, "name"), &o, ret, err);

	if (r >= 0 && o)
		ready_judge(o, ret);
	return r;
}

/* Has its newest text enough pods? A StatefulSet may be told to keep old ones. */
static bool updated(const json_t *o, uint64_t min)
{
	const char *strategy = js_text(o, "spec.updateStrategy.type");

	if (strcmp(strategy, "OnDelete") == 0 ||
	    ready_number(o, "spec.updateStrategy.rollingUpdate.partition", 0) > 0)
		return true;
	return ready_number(o, "status.updatedReplicas", 0) >= (int64_t)min;
}

int gate_at_least(const struct gate_view *v, const char *plural, const char *namespace,
		  const char *name, uint64_t min, struct readiness *ret, struct err *err)
{
	const char *key = strcmp(plural, "deployments") == 0 ? "status.availableReplicas"
							     : "status.readyReplicas";
	cleanup_json json_t *o = NULL;
	int r = gate_get(v, "apps", "v1", namespace, plural, name, &o, ret, err);
	int64_t have;

	if (r < 0 || !o)
		return r;
	have = ready_number(o, key, 0);
	if (js_at(o, "metadata.deletionTimestamp"))
		readiness_setf(ret, READY_WAIT, "%.200s is being deleted", name);
	else if (ready_number(o, "status.observedGeneration", -1) <
		 ready_number(o, "metadata.generation", 0))
		readiness_setf(ret, READY_WAIT, "%.200s: its newest change was not seen yet", name);
	else if (have < (int64_t)min)
		readiness_setf(ret, READY_WAIT, "%.200s: %" PRId64 " of %" PRIu64 " %s", name, have,
			       min, key + strlen("status."));
	else if (!updated(o, min))
		readiness_setf(ret, READY_WAIT, "%.200s: its newest pods are not there yet", name);
	return ret->state == READY_YES ? 0 : gate_blame_object(v, o, ret, err);
}

static int deployment_available(const struct gate_view *v, const json_t *args,
				struct readiness *ret, struct err *err)
{
	return gate_at_least(v, "deployments", gate_arg_string(args, "namespace"),
			     gate_arg_string(args, "name"), gate_arg_uint(args, "min", 1), ret,
			     err);
}

static int statefulset_ready(const struct gate_view *v, const json_t *args, struct readiness *ret,
			     struct err *err)
{
	return gate_at_least(v, "statefulsets", gate_arg_string(args, "namespace"),
			     gate_arg_string(args, "name"), gate_arg_uint(args, "min", 1), ret,
			     err);
}

static int daemonset_ready(const struct gate_view *v, const json_t *args, struct readiness *ret,
			   struct err *err)
{
	return gate_daemonset(v, gate_arg_string(args, "namespace"), gate_arg_string(args, "name"),
			      ret, err);
}

/* A Job that our journal knows as applied and that is gone went by its TTL. */
static int job_complete(const struct gate_view *v, const json_t *args, struct readiness *ret,
			struct err *err)
{
	const char *ns = gate_arg_string(args, "namespace"), *name = gate_arg_string(args, "name");
	cleanup_free char *key = object_key("batch", "Job", ns, name);
	cleanup_free char *path = apply_path("batch", "v1", ns, "jobs", name);
	cleanup_json json_t *o = NULL;
	int r;

	if (!key || !path)
		return err_nomem(err);
	r = gate_get_path(v, path, &o, ret, err);
	if (r < 0)
		return r;
	if (o) {
		ready_judge(o, ret);
		return ret->state == READY_YES ? 0 : gate_blame_object(v, o, ret, err);
	}
	if (strstr(ret->reason, "is not there") && object_was_applied(v->journal, key))
		readiness_setf(ret, READY_YES, "%s", "");
	return 0;
}

static int pvc_bound(const struct gate_view *v, const json_t *args, struct readiness *ret,
		     struct err *err)
{
	cleanup_json json_t *o = NULL;
	int r = gate_get(v, "", "v1", gate_arg_string(args, "namespace"), "persistentvolumeclaims",
			 gate_arg_string(args, "name"), &o, ret, err);

	if (r < 0 || !o)
		return r;
	ready_judge(o, ret);
	return ret->state == READY_YES ? 0 : gate_blame_event(v, o, ret, err);
}

static int application_synced(const struct gate_view *v, const json_t *args, struct readiness *ret,
			      struct err *err)
{
	return by_rule(v, "argoproj.io", "v1alpha1", "applications", args, ret, err);
}

static int issuer_ready(const struct gate_view *v, const json_t *args, struct readiness *ret,
			struct err *err)
{
	bool cluster = strcmp(gate_arg_string(args, "kind"), "ClusterIssuer") == 0;

	return by_rule(v, "cert-manager.io", "v1", cluster ? "clusterissuers" : "issuers", args,
		       ret, err);
}

static int certificate_ready(const struct gate_view *v, const json_t *args, struct readiness *ret,
			     struct err *err)
{
	const char *ns = gate_arg_string(args, "namespace"), *secret;
	cleanup_json json_t *o = NULL, *s = NULL;
	int r = gate_get(v, "cert-manager.io", "v1", ns, "certificates",
			 gate_arg_string(args, "name"), &o, ret, err);

	if (r < 0 || !o)
		return r;
	ready_judge(o, ret);
	secret = json_string_value(js_at(o, "spec.secretName"));
	if (ret->state != READY_YES || !secret)
		return 0;
	return gate_get(v, "", "v1", ns, "secrets", secret, &s, ret, err);
}

static int condition(const struct gate_view *v, const json_t *args, struct readiness *ret,
		     struct err *err)
{
	const char *type = gate_arg_string(args, "condition");
	cleanup_json json_t *o = NULL;
	int r = gate_get(v, gate_arg_string(args, "group"), gate_arg_string(args, "version"),
			 gate_arg_string(args, "namespace"), gate_arg_string(args, "plural"),
			 gate_arg_string(args, "name"), &o, ret, err);

	if (r >= 0 && o && !ready_condition_true(o, type))
		ready_from_condition(o, type, ret);
	return r;
}

/* By name; a name of the closed list without a row here never opens. */
static const struct gate_fn {
	const char *name;
	int (*look)(const struct gate_view *v, const json_t *args, struct readiness *ret,
		    struct err *err);
} fns[] = {
	{ "deployment-available", deployment_available },
	{ "daemonset-ready", daemonset_ready },
	{ "statefulset-ready", statefulset_ready },
	{ "job-complete", job_complete },
	{ "garage-layout", job_complete },
	{ "pvc-bound", pvc_bound },
	{ "condition", condition },
	{ "issuer-ready", issuer_ready },
	{ "certificate-ready", certificate_ready },
	{ "application-synced", application_synced },
	{ "cilium-health", gate_cilium_health },
	{ "dns-query", gate_dns_query },
	{ "cert-manager-webhook", gate_cert_manager_webhook },
	{ "lb-address", gate_lb_address },
	{ "lb-pool", gate_lb_pool },
	{ "l2-policy", gate_l2_policy },
	{ "storage-class", gate_storage_class },
	{ "argocd-ready", gate_argocd_ready },
	{ "rook-operator", gate_rook_operator },
	{ "csi-driver", gate_csi_driver },
	{ "ceph-cluster", gate_ceph_cluster },
};

static const struct gate_fn *find(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(fns); i++)
		if (strcmp(fns[i].name, name) == 0)
			return &fns[i];
	return NULL;
}

int gate_look(const struct gate_view *v, const struct bundle_gate_spec *g, struct readiness *ret,
	      struct err *err)
{
	const struct gate_def *def = gate_find(g->name);
	const struct gate_fn *fn = find(g->name);
	struct err bad = { 0 };

	*ret = (struct readiness){ .state = READY_WAIT };
	if (!fn) {
		readiness_setf(ret, READY_WAIT,
			       "this kiln-node does not know gate '%s': the bundle is of a newer "
			       "Kiln; bake this node anew",
			       g->name);
		return 0;
	}
	if (!def || gate_check_args(def, g->args, &bad) < 0) {
		readiness_setf(ret, READY_FAILED, "%.400s", def ? bad.msg : "no such gate");
		return 0;
	}
	return fn->look(v, g->args, ret, err);
}
