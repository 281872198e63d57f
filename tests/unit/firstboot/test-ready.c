#include "json.h"
#include "ready.h"
#include "test.h"

#define APPS "'apiVersion':'apps/v1',"
#define OBSERVED "'observedGeneration':1,"
#define COND(t, s) "{'type':'" t "','status':'" s "','reason':'R','message':'the message'}"

/* Single quotes stand for double ones. */
static const struct {
	const char *name, *object;
	enum ready_state state;
	const char *reason; /* a piece of it; NULL: none is asked */
} table[] = {
	{ "a ConfigMap that is there", "{'apiVersion':'v1','kind':'ConfigMap'}", READY_YES, NULL },
	{ "being deleted",
	  "{'apiVersion':'v1','kind':'ConfigMap','metadata':{'deletionTimestamp':'2026-01-01T00:00:"
	  "00Z'}}",
	  READY_WAIT, "being deleted" },
	{ "Namespace active", "{'apiVersion':'v1','kind':'Namespace','status':{'phase':'Active'}}",
	  READY_YES, NULL },
	{ "Namespace terminating",
	  "{'apiVersion':'v1','kind':'Namespace','status':{'phase':'Terminating'}}", READY_WAIT,
	  "Terminating" },
	{ "CRD new", "{'apiVersion':'apiextensions.k8s.io/v1','kind':'CustomResourceDefinition'}",
	  READY_WAIT, "NamesAccepted" },
	{ "CRD names taken",
	  "{'apiVersion':'apiextensions.k8s.io/v1','kind':'CustomResourceDefinition','status':"
	  "{'conditions':[" COND("NamesAccepted", "False") "," COND("Established", "False") "]}}",
	  READY_FAILED, "the message" },
	{ "CRD not established",
	  "{'apiVersion':'apiextensions.k8s.io/v1','kind':'CustomResourceDefinition','status':"
	  "{'conditions':[" COND("NamesAccepted", "True") "," COND("Established", "False") "]}}",
	  READY_WAIT, "Established is False" },
	{ "CRD established",
	  "{'apiVersion':'apiextensions.k8s.io/v1','kind':'CustomResourceDefinition','status':"
	  "{'conditions':[" COND("NamesAccepted", "True") "," COND("Established", "True") "]}}",
	  READY_YES, NULL },
	{ "APIService",
	  "{'apiVersion':'apiregistration.k8s.io/v1','kind':'APIService','status':"
	  "{'conditions':[" COND("Available", "False") "]}}",
	  READY_WAIT, "the message" },
	{ "Deployment unseen", "{" APPS "'kind':'Deployment','metadata':{'generation':1}}",
	  READY_WAIT, "not seen it" },
	{ "Deployment of an older generation",
	  "{" APPS "'kind':'Deployment','metadata':{'generation':2},'spec':{'replicas':1},'status':"
	  "{" OBSERVED "'replicas':1,'updatedReplicas':1,'readyReplicas':1,'availableReplicas':1,"
	  "'conditions':[" COND("Available", "True") "]}}",
	  READY_WAIT, "1 of 2" },
	{ "Deployment ready",
	  "{" APPS "'kind':'Deployment','metadata':{'generation':1},'spec':{'replicas':1},'status':"
	  "{" OBSERVED "'replicas':1,'updatedReplicas':1,'readyReplicas':1,'availableReplicas':1,"
	  "'conditions':[" COND("Available", "True") "]}}",
	  READY_YES, NULL },
	{ "Deployment with an old pod left",
	  "{" APPS "'kind':'Deployment','spec':{'replicas':1},'status':{" OBSERVED
	  "'replicas':2,'updatedReplicas':1,'readyReplicas':1,'availableReplicas':1,"
	  "'conditions':[" COND("Available", "True") "]}}",
	  READY_WAIT, "old pods" },
	{ "Deployment past its deadline is not terminal",
	  "{" APPS "'kind':'Deployment','spec':{'replicas':1},'status':{" OBSERVED
	  "'updatedReplicas':1,'conditions':[" COND("Progressing", "False") "]}}",
	  READY_WAIT, "Progressing is False" },
	{ "Deployment of none",
	  "{" APPS "'kind':'Deployment','spec':{'replicas':0},'status':{" OBSERVED
	  "'conditions':[" COND("Available", "True") "]}}",
	  READY_YES, NULL },
	{ "DaemonSet that no node takes",
	  "{" APPS "'kind':'DaemonSet','status':{" OBSERVED
	  "'desiredNumberScheduled':0,'numberReady':0}}",
	  READY_WAIT, "no node" },
	{ "DaemonSet ready on one of two",
	  "{" APPS "'kind':'DaemonSet','status':{" OBSERVED "'desiredNumberScheduled':2,"
	  "'currentNumberScheduled':2,'updatedNumberScheduled':2,'numberAvailable':1,'numberReady':"
	  "1}}",
	  READY_WAIT, "numberAvailable is 1 of 2" },
	{ "DaemonSet ready",
	  "{" APPS "'kind':'DaemonSet','status':{" OBSERVED "'desiredNumberScheduled':2,"
	  "'currentNumberScheduled':2,'updatedNumberScheduled':2,'numberAvailable':2,'numberReady':"
	  "2}}",
	  READY_YES, NULL },
	{ "DaemonSet OnDelete, old pods",
	  "{" APPS
	  "'kind':'DaemonSet','spec':{'updateStrategy':{'type':'OnDelete'}},'status':{" OBSERVED
	  "'desiredNumberScheduled':1,'currentNumberScheduled':1,'numberAvailable':1,'numberReady':"
	  "1}}",
	  READY_YES, NULL },
	{ "StatefulSet between revisions",
	  "{" APPS "'kind':'StatefulSet','spec':{'replicas':1},'status':{" OBSERVED
	  "'replicas':1,'readyReplicas':1,'updatedReplicas':1,'currentRevision':'a','"
	  "updateRevision':'b'}}",
	  READY_WAIT, "revision" },
	{ "StatefulSet ready",
	  "{" APPS "'kind':'StatefulSet','spec':{'replicas':1},'status':{" OBSERVED
	  "'replicas':1,'readyReplicas':1,'updatedReplicas':1,'currentRevision':'b','"
	  "updateRevision':'b'}}",
	  READY_YES, NULL },
	{ "StatefulSet with a partition",
	  "{" APPS "'kind':'StatefulSet','spec':{'replicas':3,'updateStrategy':{'rollingUpdate':{'"
	  "partition':2}}},"
	  "'status':{" OBSERVED
	  "'replicas':3,'readyReplicas':3,'updatedReplicas':1,'currentRevision':'a',"
	  "'updateRevision':'b'}}",
	  READY_YES, NULL },
	{ "ReplicaSet refused by a quota",
	  "{" APPS
	  "'kind':'ReplicaSet','status':{'conditions':[" COND("ReplicaFailure", "True") "]}}",
	  READY_WAIT, "ReplicaFailure" },
	{ "Pod whose image is missing",
	  "{'apiVersion':'v1','kind':'Pod','status':{'phase':'Pending','containerStatuses':[{'"
	  "image':'r/x:1',"
	  "'state':{'waiting':{'reason':'ErrImageNeverPull'}}}]}}",
	  READY_FAILED, "r/x:1" },
	{ "Pod whose image cannot be had, in the runtime's words",
	  "{'apiVersion':'v1','kind':'Pod','status':{'phase':'Pending','containerStatuses':[{'name'"
	  ":'web','image':'r/x:1','state':{'waiting':{'reason':'ErrImagePull','message':'rpc "
	  "error: not found'}}}]}}",
	  READY_FAILED, "ErrImagePull: image r/x:1: rpc error: not found" },
	{ "Pod that crashes, with its last end",
	  "{'apiVersion':'v1','kind':'Pod','status':{'phase':'Running','containerStatuses':[{'name'"
	  ":'web','state':{'waiting':{'reason':'CrashLoopBackOff','message':'back-off "
	  "10s'}},'lastState':{'terminated':{'exitCode':137,'reason':'OOMKilled'}}}]}}",
	  READY_WAIT, "container web: CrashLoopBackOff: it ended with code 137 (OOMKilled)" },
	{ "Pod that lacks a Secret",
	  "{'apiVersion':'v1','kind':'Pod','status':{'phase':'Pending','containerStatuses':[{'name'"
	  ":'web','state':{'waiting':{'reason':'CreateContainerConfigError','message':'secret "
	  "argocd-redis not found'}}}]}}",
	  READY_WAIT, "container web: CreateContainerConfigError: secret argocd-redis not found" },
	{ "Pod being made",
	  "{'apiVersion':'v1','kind':'Pod','status':{'phase':'Pending','containerStatuses':[{'name'"
	  ":'web','state':{'waiting':{'reason':'ContainerCreating'}}}]}}",
	  READY_WAIT, "phase is 'Pending'" },
	{ "Pod of a Job that failed",
	  "{'apiVersion':'v1','kind':'Pod','status':{'phase':'Failed','containerStatuses':[{'name':"
	  "'web','state':{'terminated':{'exitCode':1,'reason':'Error'}}}]}}",
	  READY_FAILED, "container web ended with code 1 (Error)" },
	{ "Pod that was evicted",
	  "{'apiVersion':'v1','kind':'Pod','status':{'phase':'Failed','reason':'Evicted','message':"
	  "'low on memory'}}",
	  READY_FAILED, "phase is Failed: Evicted: low on memory" },
	{ "Pod whose sidecar's start went wrong",
	  "{'apiVersion':'v1','kind':'Pod','status':{'phase':'Pending','initContainerStatuses':[{'"
	  "name':'init','image':'r/i:1','state':{'waiting':{'reason':'ImagePullBackOff'}}}]}}",
	  READY_FAILED, "ImagePullBackOff: image r/i:1" },
	{ "Namespace that waits for its contents",
	  "{'apiVersion':'v1','kind':'Namespace','metadata':{'deletionTimestamp':'2026-01-01T00:00:"
	  "00Z'},'status':{'phase':'Terminating','conditions':[" COND("NamespaceContentRemaining",
								      "True") "]}}",
	  READY_WAIT, "it is being deleted: the message" },
	{ "deleted, with a finalizer",
	  "{'apiVersion':'v1','kind':'PersistentVolumeClaim','metadata':{'deletionTimestamp':'2026-"
	  "01-01T00:00:00Z','finalizers':['kubernetes.io/pvc-protection']}}",
	  READY_WAIT, "which waits for its finalizer kubernetes.io/pvc-protection" },
	{ "Job suspended",
	  "{'apiVersion':'batch/v1','kind':'Job','status':{'conditions':[" COND("Suspended",
										"True") "]}}",
	  READY_WAIT, "Suspended is True" },
	{ "Pod running, not ready",
	  "{'apiVersion':'v1','kind':'Pod','status':{'phase':'Running','conditions':[" COND(
		  "Ready", "False") "]}}",
	  READY_WAIT, "Ready is False" },
	{ "Pod succeeded", "{'apiVersion':'v1','kind':'Pod','status':{'phase':'Succeeded'}}",
	  READY_YES, NULL },
	{ "Pod unschedulable",
	  "{'apiVersion':'v1','kind':'Pod','status':{'phase':'Pending','conditions':[" COND(
		  "PodScheduled", "False") "]}}",
	  READY_WAIT, "the message" },
	{ "Job running", "{'apiVersion':'batch/v1','kind':'Job','status':{'active':1}}", READY_WAIT,
	  "1 active" },
	{ "Job about to be complete",
	  "{'apiVersion':'batch/v1','kind':'Job','status':{'conditions':[" COND(
		  "SuccessCriteriaMet", "True") "]}}",
	  READY_WAIT, "not complete" },
	{ "Job complete",
	  "{'apiVersion':'batch/v1','kind':'Job','status':{'conditions':[" COND("Complete",
										"True") "]}}",
	  READY_YES, NULL },
	{ "Job failed",
	  "{'apiVersion':'batch/v1','kind':'Job','status':{'conditions':[" COND("Failed",
										"True") "]}}",
	  READY_FAILED, "the message" },
	{ "claim lost",
	  "{'apiVersion':'v1','kind':'PersistentVolumeClaim','status':{'phase':'Lost'}}",
	  READY_FAILED, "Lost" },
	{ "claim pending",
	  "{'apiVersion':'v1','kind':'PersistentVolumeClaim','status':{'phase':'Pending'}}",
	  READY_WAIT, "Pending" },
	{ "Service with one of two families",
	  "{'apiVersion':'v1','kind':'Service','spec':{'type':'LoadBalancer','clusterIP':'10.43.0."
	  "9',"
	  "'ipFamilies':['IPv4','IPv6']},'status':{'loadBalancer':{'ingress':[{'ip':'192.168.14.50'"
	  "}]}}}",
	  READY_WAIT, "IPv6" },
	{ "Service with both",
	  "{'apiVersion':'v1','kind':'Service','spec':{'type':'LoadBalancer','clusterIP':'10.43.0."
	  "9',"
	  "'ipFamilies':['IPv4','IPv6']},'status':{'loadBalancer':{'ingress':[{'ip':'192.168.14.50'"
	  "},"
	  "{'ip':'fd12::50'}]}}}",
	  READY_YES, NULL },
	{ "Service whose pool is empty",
	  "{'apiVersion':'v1','kind':'Service','spec':{'type':'LoadBalancer','clusterIP':'10.43.0."
	  "9',"
	  "'ipFamilies':['IPv4']},'status':{'conditions':[" COND("cilium.io/IPAMRequestSatisfied",
								 "False") "]}}",
	  READY_WAIT, "the message" },
	{ "headless Service",
	  "{'apiVersion':'v1','kind':'Service','spec':{'type':'ClusterIP','clusterIP':'None'}}",
	  READY_YES, NULL },
	{ "PDB",
	  "{'apiVersion':'policy/v1','kind':'PodDisruptionBudget','status':{" OBSERVED
	  "'currentHealthy':0,'desiredHealthy':1}}",
	  READY_WAIT, "0 of 1" },
	{ "webhook without a CA",
	  "{'apiVersion':'admissionregistration.k8s.io/"
	  "v1','kind':'ValidatingWebhookConfiguration','webhooks':"
	  "[{'name':'a.b','clientConfig':{'service':{'name':'hook'}}}]}",
	  READY_WAIT, "service hook" },
	{ "webhook with a CA",
	  "{'apiVersion':'admissionregistration.k8s.io/"
	  "v1','kind':'MutatingWebhookConfiguration','webhooks':"
	  "[{'name':'a.b','clientConfig':{'caBundle':'QQ=='}}]}",
	  READY_YES, NULL },
	{ "Certificate issuing although Ready",
	  "{'apiVersion':'cert-manager.io/v1','kind':'Certificate','status':{'conditions':[" COND(
		  "Ready", "True") "," COND("Issuing", "True") "]}}",
	  READY_WAIT, "Issuing" },
	{ "ClusterIssuer without status",
	  "{'apiVersion':'cert-manager.io/v1','kind':'ClusterIssuer'}", READY_WAIT,
	  "not there yet" },
	{ "CephCluster creating",
	  "{'apiVersion':'ceph.rook.io/"
	  "v1','kind':'CephCluster','status':{'phase':'Ready','state':'Creating'}}",
	  READY_WAIT, "Creating" },
	{ "CephCluster",
	  "{'apiVersion':'ceph.rook.io/"
	  "v1','kind':'CephCluster','status':{'phase':'Ready','state':'Created'}}",
	  READY_YES, NULL },
	{ "CephBlockPool",
	  "{'apiVersion':'ceph.rook.io/"
	  "v1','kind':'CephBlockPool','status':{'phase':'Progressing'}}",
	  READY_WAIT, "Progressing" },
	{ "CephObjectStore",
	  "{'apiVersion':'ceph.rook.io/"
	  "v1','kind':'CephObjectStore','status':{'phase':'Connected'}}",
	  READY_YES, NULL },
	{ "Application synced, not healthy",
	  "{'apiVersion':'argoproj.io/"
	  "v1alpha1','kind':'Application','status':{'sync':{'status':'Synced'},"
	  "'health':{'status':'Progressing'}}}",
	  READY_WAIT, "Progressing" },
	{ "Application whose operation runs",
	  "{'apiVersion':'argoproj.io/"
	  "v1alpha1','kind':'Application','status':{'sync':{'status':'Synced'},"
	  "'health':{'status':'Healthy'},'operationState':{'phase':'Running'}}}",
	  READY_WAIT, "Running" },
	{ "Application",
	  "{'apiVersion':'argoproj.io/"
	  "v1alpha1','kind':'Application','status':{'sync':{'status':'Synced'},"
	  "'health':{'status':'Healthy'},'operationState':{'phase':'Succeeded'}}}",
	  READY_YES, NULL },
	{ "custom resource without status", "{'apiVersion':'kiln.test/v1','kind':'Thing'}",
	  READY_WAIT, "no status" },
	{ "custom resource by condition",
	  "{'apiVersion':'kiln.test/v1','kind':'Thing','status':{'conditions':[" COND("Ready",
										      "True") "]}}",
	  READY_YES, NULL },
	{ "custom resource stalled",
	  "{'apiVersion':'kiln.test/v1','kind':'Thing','status':{'conditions':[" COND(
		  "Ready", "True") "," COND("Stalled", "True") "]}}",
	  READY_FAILED, "Stalled" },
	{ "custom resource reconciling",
	  "{'apiVersion':'kiln.test/v1','kind':'Thing','status':{'conditions':[" COND(
		  "Ready", "True") "," COND("Reconciling", "True") "]}}",
	  READY_WAIT, "Reconciling" },
	{ "custom resource by phase",
	  "{'apiVersion':'kiln.test/v1','kind':'Thing','status':{'phase':'Active'}}", READY_YES,
	  NULL },
	{ "custom resource in an unknown phase",
	  "{'apiVersion':'kiln.test/v1','kind':'Thing','status':{'phase':'Pondering'}}", READY_WAIT,
	  "Pondering" },
	{ "custom resource without a rule",
	  "{'apiVersion':'kiln.test/v1','kind':'Thing','status':{'x':1}}", READY_NO_RULE,
	  "Thing has no rule" },
	{ "the kind alone does not make a Deployment",
	  "{'apiVersion':'kiln.test/v1','kind':'Deployment','status':{'phase':'Ready'}}", READY_YES,
	  NULL },
};

TEST(every_row_of_the_table)
{
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		cleanup_free char *text = strdup(table[i].object);
		cleanup_json json_t *o = NULL;
		struct err err = { 0 };
		struct readiness r;

		for (char *p = text; *p; p++)
			if (*p == '\'')
				*p = '"';
		ASSERT_OK(js_read(text, strlen(text), &o, &err), &err);
		ready_judge(o, &r);
		if (r.state != table[i].state)
			test_fail(__FILE__, __LINE__, "%s: %s (%s), not %s", table[i].name,
				  ready_state_to_string(r.state), r.reason,
				  ready_state_to_string(table[i].state));
		if (table[i].reason && !strstr(r.reason, table[i].reason))
			test_fail(__FILE__, __LINE__, "%s: reason '%s' lacks '%s'", table[i].name,
				  r.reason, table[i].reason);
		if (r.state == READY_YES)
			ASSERT_STR(r.reason, "");
	}
}

TEST(a_pod_out_of_a_list_names_no_kind)
{
	static const char text[] = "{\"status\":{\"phase\":\"Running\"}}";
	cleanup_json json_t *o = NULL;
	struct err err = { 0 };
	struct readiness r;

	ASSERT_OK(js_read(text, strlen(text), &o, &err), &err);
	ready_judge_pod(o, &r);
	ASSERT_EQ(r.state, READY_WAIT);
	ASSERT_STR(r.reason, "condition Ready is not there yet");
}

TEST(endpoints_of_a_service)
{
	static const struct {
		const char *slices;
		bool ready;
	} cases[] = {
		{ "{'items':[]}", false },
		{ "{'items':[{'endpoints':null}]}", false },
		{ "{'items':[{'endpoints':[{'addresses':['10.0.0.1'],'conditions':{'ready':false}}]"
		  "}]}",
		  false },
		{ "{'items':[{'endpoints':[{'addresses':[],'conditions':{'ready':true}}]}]}",
		  false },
		{ "{'items':[{'endpoints':[]},{'endpoints':[{'addresses':['10.0.0.1'],'conditions':"
		  "{'ready':true}}]}]}",
		  true },
		{ "{'items':[{'endpoints':[{'addresses':['10.0.0.1']}]}]}",
		  true }, /* nil is ready */
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		cleanup_free char *text = strdup(cases[i].slices);
		cleanup_json json_t *o = NULL;
		struct err err = { 0 };

		for (char *p = text; *p; p++)
			if (*p == '\'')
				*p = '"';
		ASSERT_OK(js_read(text, strlen(text), &o, &err), &err);
		ASSERT_EQ(ready_has_endpoint(o), cases[i].ready);
	}
}

TEST(kinds_that_need_no_look)
{
	ASSERT(ready_when_present("", "Secret"));
	ASSERT(ready_when_present("rbac.authorization.k8s.io", "ClusterRole"));
	ASSERT(ready_when_present("batch", "CronJob"));
	ASSERT(!ready_when_present("", "Namespace"));
	ASSERT(!ready_when_present("batch", "Job"));
	ASSERT(!ready_when_present("kiln.test", "ConfigMap"));
}
