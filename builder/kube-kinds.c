#include "kube-kinds.h"

#include <string.h>

#define RBAC "rbac.authorization.k8s.io"
#define ADMISSION "admissionregistration.k8s.io"

static const struct kube_kind kinds[] = {
	{ "apiextensions.k8s.io", "CustomResourceDefinition", "customresourcedefinitions", false,
	  WAVE_CRDS, true },
	{ "", "Namespace", "namespaces", false, WAVE_NAMESPACES, true },
	{ "storage.k8s.io", "StorageClass", "storageclasses", false, WAVE_CLASSES, false },
	{ "storage.k8s.io", "CSIDriver", "csidrivers", false, WAVE_CLASSES, false },
	{ "storage.k8s.io", "VolumeAttributesClass", "volumeattributesclasses", false, WAVE_CLASSES,
	  false },
	{ "networking.k8s.io", "IngressClass", "ingressclasses", false, WAVE_CLASSES, false },
	{ "scheduling.k8s.io", "PriorityClass", "priorityclasses", false, WAVE_CLASSES, false },
	{ "node.k8s.io", "RuntimeClass", "runtimeclasses", false, WAVE_CLASSES, false },
	{ "resource.k8s.io", "DeviceClass", "deviceclasses", false, WAVE_CLASSES, false },
	{ "", "ServiceAccount", "serviceaccounts", true, WAVE_RBAC, false },
	{ RBAC, "ClusterRole", "clusterroles", false, WAVE_RBAC, false },
	{ RBAC, "ClusterRoleBinding", "clusterrolebindings", false, WAVE_RBAC, false },
	{ RBAC, "Role", "roles", true, WAVE_RBAC, false },
	{ RBAC, "RoleBinding", "rolebindings", true, WAVE_RBAC, false },
	{ "", "ConfigMap", "configmaps", true, WAVE_CONFIG, false },
	{ "", "Secret", "secrets", true, WAVE_CONFIG, false },
	{ "", "ResourceQuota", "resourcequotas", true, WAVE_CONFIG, false },
	{ "", "LimitRange", "limitranges", true, WAVE_CONFIG, false },
	{ "", "PersistentVolume", "persistentvolumes", false, WAVE_CONFIG, false },
	{ "", "PersistentVolumeClaim", "persistentvolumeclaims", true, WAVE_CONFIG, false },
	{ "networking.k8s.io", "NetworkPolicy", "networkpolicies", true, WAVE_CONFIG, false },
	{ "coordination.k8s.io", "Lease", "leases", true, WAVE_CONFIG, false },
	{ "", "Service", "services", true, WAVE_SERVICES, false },
	{ "", "Endpoints", "endpoints", true, WAVE_SERVICES, false },
	{ "discovery.k8s.io", "EndpointSlice", "endpointslices", true, WAVE_SERVICES, false },
	{ "networking.k8s.io", "Ingress", "ingresses", true, WAVE_SERVICES, false },
	{ "", "Pod", "pods", true, WAVE_WORKLOADS, true },
	{ "", "ReplicationController", "replicationcontrollers", true, WAVE_WORKLOADS, true },
	{ "apps", "DaemonSet", "daemonsets", true, WAVE_WORKLOADS, true },
	{ "apps", "Deployment", "deployments", true, WAVE_WORKLOADS, true },
	{ "apps", "ReplicaSet", "replicasets", true, WAVE_WORKLOADS, true },
	{ "apps", "StatefulSet", "statefulsets", true, WAVE_WORKLOADS, true },
	{ "batch", "Job", "jobs", true, WAVE_WORKLOADS, true },
	{ "batch", "CronJob", "cronjobs", true, WAVE_WORKLOADS, false },
	{ "policy", "PodDisruptionBudget", "poddisruptionbudgets", true, WAVE_WORKLOADS, false },
	{ "autoscaling", "HorizontalPodAutoscaler", "horizontalpodautoscalers", true,
	  WAVE_WORKLOADS, false },
	{ ADMISSION, "MutatingWebhookConfiguration", "mutatingwebhookconfigurations", false,
	  WAVE_WEBHOOKS, true },
	{ ADMISSION, "ValidatingWebhookConfiguration", "validatingwebhookconfigurations", false,
	  WAVE_WEBHOOKS, true },
	{ ADMISSION, "ValidatingAdmissionPolicy", "validatingadmissionpolicies", false,
	  WAVE_WEBHOOKS, false },
	{ ADMISSION, "ValidatingAdmissionPolicyBinding", "validatingadmissionpolicybindings", false,
	  WAVE_WEBHOOKS, false },
	{ ADMISSION, "MutatingAdmissionPolicy", "mutatingadmissionpolicies", false, WAVE_WEBHOOKS,
	  false },
	{ ADMISSION, "MutatingAdmissionPolicyBinding", "mutatingadmissionpolicybindings", false,
	  WAVE_WEBHOOKS, false },
	{ "apiregistration.k8s.io", "APIService", "apiservices", false, WAVE_WEBHOOKS, true },
	{ "flowcontrol.apiserver.k8s.io", "FlowSchema", "flowschemas", false, WAVE_CLASSES, false },
	{ "flowcontrol.apiserver.k8s.io", "PriorityLevelConfiguration",
	  "prioritylevelconfigurations", false, WAVE_CLASSES, false },
	{ "networking.k8s.io", "ServiceCIDR", "servicecidrs", false, WAVE_CLASSES, false },
	{ "certificates.k8s.io", "ClusterTrustBundle", "clustertrustbundles", false, WAVE_CONFIG,
	  false },
	/* K3s registers these two before anything is applied */
	{ "helm.cattle.io", "HelmChart", "helmcharts", true, WAVE_CUSTOM, false },
	{ "helm.cattle.io", "HelmChartConfig", "helmchartconfigs", true, WAVE_CUSTOM, false },
};

const struct kube_kind *kube_kind_find(const char *group, const char *kind)
{
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (strcmp(kinds[i].kind, kind) == 0 && strcmp(kinds[i].group, group) == 0)
			return &kinds[i];
	return NULL;
}
