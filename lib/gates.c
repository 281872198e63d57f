#include "gates.h"

#include <string.h>

#define NEED(n, t)                                                                                 \
	{                                                                                          \
		n, GATE_ARG_##t, true                                                              \
	}
#define MAY(n, t)                                                                                  \
	{                                                                                          \
		n, GATE_ARG_##t, false                                                             \
	}

const struct gate_def gate_defs[] = {
	{ "cilium-health",
	  GATE_CILIUM_HEALTH,
	  "agent ready on every node that is up, one operator, NetworkUnavailable false, /healthz "
	  "of the own agent",
	  { NEED("namespace", STRING), MAY("daemonset", STRING), MAY("operator", STRING) },
	  "DaemonSet" },
	{ "lb-pool",
	  GATE_LB_POOL,
	  "the CiliumLoadBalancerIPPool has no conflict and free addresses",
	  { NEED("name", STRING) },
	  "CiliumLoadBalancerIPPool" },
	{ "l2-policy",
	  GATE_L2_POLICY,
	  "the CiliumL2AnnouncementPolicy is there and accepted",
	  { NEED("name", STRING) },
	  "CiliumL2AnnouncementPolicy" },
	{ "dns-query",
	  GATE_DNS_QUERY,
	  "a real query to each server gives the expected addresses",
	  { NEED("servers", STRINGS), NEED("name", STRING), NEED("expect", STRINGS),
	    MAY("namespace", STRING), MAY("deployment", STRING) },
	  NULL },
	{ "cert-manager-webhook",
	  GATE_CERT_MANAGER_WEBHOOK,
	  "two dry-run creates: one is mutated, one is denied by the webhook",
	  { NEED("namespace", STRING) },
	  NULL },
	{ "issuer-ready",
	  GATE_ISSUER_READY,
	  "the Issuer or ClusterIssuer has Ready true",
	  { NEED("kind", STRING), NEED("name", STRING), MAY("namespace", STRING) },
	  "ClusterIssuer" },
	{ "certificate-ready",
	  GATE_CERTIFICATE_READY,
	  "the Certificate has Ready true and its Secret is there",
	  { NEED("namespace", STRING), NEED("name", STRING) },
	  "Certificate" },
	{ "lb-address",
	  GATE_LB_ADDRESS,
	  "the Service has an address of each family and its port answers",
	  { NEED("namespace", STRING), NEED("name", STRING), NEED("families", STRINGS),
	    MAY("port", UINT) },
	  "Service" },
	{ "deployment-available",
	  GATE_DEPLOYMENT_AVAILABLE,
	  "at least min replicas are available",
	  { NEED("namespace", STRING), NEED("name", STRING), MAY("min", UINT) },
	  "Deployment" },
	{ "daemonset-ready",
	  GATE_DAEMONSET_READY,
	  "ready on every node that is up",
	  { NEED("namespace", STRING), NEED("name", STRING) },
	  "DaemonSet" },
	{ "statefulset-ready",
	  GATE_STATEFULSET_READY,
	  "at least min replicas are ready",
	  { NEED("namespace", STRING), NEED("name", STRING), MAY("min", UINT) },
	  "StatefulSet" },
	{ "job-complete",
	  GATE_JOB_COMPLETE,
	  "the Job has Complete true, or was seen and is gone",
	  { NEED("namespace", STRING), NEED("name", STRING) },
	  "Job" },
	{ "pvc-bound",
	  GATE_PVC_BOUND,
	  "the PersistentVolumeClaim is Bound",
	  { NEED("namespace", STRING), NEED("name", STRING) },
	  "PersistentVolumeClaim" },
	{ "argocd-ready",
	  GATE_ARGOCD_READY,
	  "application controller, repo server, server and redis ready; Applications are served",
	  { NEED("namespace", STRING) },
	  NULL },
	{ "application-synced",
	  GATE_APPLICATION_SYNCED,
	  "the Application is Synced and Healthy",
	  { NEED("namespace", STRING), NEED("name", STRING) },
	  "Application" },
	{ "rook-operator",
	  GATE_ROOK_OPERATOR,
	  "Rook's and the CSI operator have one replica each",
	  { NEED("namespace", STRING), MAY("operator", STRING), MAY("csi_operator", STRING) },
	  NULL },
	{ "csi-driver",
	  GATE_CSI_DRIVER,
	  "the CSIDriver is registered and its plugin runs on every node that is up",
	  { NEED("name", STRING), MAY("namespace", STRING) },
	  NULL },
	{ "ceph-cluster",
	  GATE_CEPH_CLUSTER,
	  "phase Ready, health OK or only tolerated warnings, as many OSDs as planned",
	  { NEED("namespace", STRING), NEED("name", STRING), NEED("osds", UINT),
	    MAY("tolerate", STRINGS) },
	  "CephCluster" },
	{ "storage-class",
	  GATE_STORAGE_CLASS,
	  "the StorageClass is there and the only default",
	  { NEED("name", STRING) },
	  "StorageClass" },
	{ "garage-layout",
	  GATE_GARAGE_LAYOUT,
	  "Garage has a cluster layout: its layout Job is complete",
	  { NEED("namespace", STRING), NEED("name", STRING) },
	  "Job" },
	{ "condition",
	  GATE_CONDITION,
	  "any object: the condition of that name is True",
	  { NEED("group", STRING), NEED("version", STRING), NEED("plural", STRING),
	    NEED("name", STRING), NEED("condition", STRING), MAY("namespace", STRING) },
	  NULL },
	{ 0 },
};

const struct gate_def *gate_find(const char *name)
{
	for (const struct gate_def *g = gate_defs; g->name; g++)
		if (strcmp(g->name, name) == 0)
			return g;
	return NULL;
}

static const struct gate_arg *arg_find(const struct gate_def *g, const char *name)
{
	for (const struct gate_arg *a = g->args; a->name; a++)
		if (strcmp(a->name, name) == 0)
			return a;
	return NULL;
}

static bool arg_fits(const struct gate_arg *a, const json_t *v)
{
	const json_t *item;
	size_t i;

	switch (a->type) {
	case GATE_ARG_STRING:
		return json_is_string(v);
	case GATE_ARG_UINT:
		return json_is_integer(v) && json_integer_value(v) >= 0;
	case GATE_ARG_STRINGS:
		if (!json_is_array(v) || json_array_size(v) == 0)
			return false;
		json_array_foreach (v, i, item)
			if (!json_is_string(item))
				return false;
		return true;
	}
	return false;
}

int gate_check_args(const struct gate_def *g, const json_t *args, struct err *err)
{
	static const char *const wants[] = { "a text", "a list of texts", "a whole number" };
	const char *key;
	json_t *v;

	json_object_foreach ((json_t *)args, key, v) {
		const struct gate_arg *a = arg_find(g, key);

		if (!a)
			return err_setf(err, -EINVAL, "gate '%s' has no argument '%s'", g->name,
					key);
		if (!arg_fits(a, v))
			return err_setf(err, -EINVAL, "gate '%s': argument '%s' must be %s",
					g->name, key, wants[a->type]);
	}
	for (const struct gate_arg *a = g->args; a->name; a++)
		if (a->required && !json_object_get(args, a->name))
			return err_setf(err, -EINVAL, "gate '%s': argument '%s' is missing",
					g->name, a->name);
	return 0;
}

const char *gate_arg_string(const json_t *args, const char *name)
{
	return json_string_value(json_object_get(args, name));
}

uint64_t gate_arg_uint(const json_t *args, const char *name, uint64_t otherwise)
{
	const json_t *v = json_object_get(args, name);

	return v ? (uint64_t)json_integer_value(v) : otherwise;
}
