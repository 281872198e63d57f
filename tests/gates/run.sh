#!/usr/bin/env bash
# Every gate of lib/gates.c against the real API server, all on one server: first everything is
# applied and every pod is Ready, and each gate refuses for a reason of its own; then what was
# missing comes, and each opens. Objects are those of ../shared/bundle where it has them.
set -u
cd "$(dirname "$0")/../.." || exit 1
# shellcheck source=tests/cluster/lib.sh
. tests/cluster/lib.sh
# shellcheck source=tests/cluster/tap.sh
. tests/cluster/tap.sh
bundle=${KILN_SHARED:-$PWD/../shared}/bundle
tool=${O:?}/tests/gates/gate-tool
dns4=10.43.0.10 dns6=fd22:2025:6a6a:43::a vip4=192.168.14.40 vip6=fd12:3456:789a:14::140

if [ ! -d "$bundle" ]; then
	t_skip 42 "no test data: ../shared/bundle (set KILN_SHARED): no gate was tested"
	t_done
	exit
fi
if [ -z "${KILN_IN_NETNS:-}" ]; then
	cluster_bin || exit 1
	[ -x "$CLUSTER_BIN/coredns" ] || bash tests/cluster/build.sh coredns certmanager >/dev/null || exit 1
	if ! unshare -rn true 2>/dev/null; then
		t_skip 42 'no network namespace may be made here: no gate was tested'
		t_done
		exit
	fi
	KILN_IN_NETNS=1 exec unshare -rn bash "$0"
fi
ip link set lo up || exit 1
for a in $dns4/32 $vip4/32 "$dns6/128 nodad" "$vip6/128 nodad"; do
	# shellcheck disable=SC2086
	ip addr add $a dev lo || exit 1
done
cluster_start --node-ip 127.0.0.1,::1 --disable-cloud-controller || exit 1
t0=$SECONDS

look() { "$tool" "$KUBECONFIG" "$1" "$2" "$3" "$CLUSTER_DIR"; }
# refuses WHAT GATE ARGS TEXT: within a while the gate's reason has the text; it never opened
refuses() {
	local out end=$((SECONDS + 60))
	while out=$(look "$2" "$3" 0) || [[ $out != *"$4"* ]]; do
		case $out in "ready: "*) break ;; esac
		[ $SECONDS -lt $end ] || break
		sleep 0.3
	done
	refused[$2]=1
	t_has "$2 refuses: $1" "$4" echo "$out"
}
# opens GATE ARGS
opens() {
	opened[$1]=1
	t "$1 opens" look "$1" "$2" 60
}
declare -A refused=() opened=()
pick() { # FOLDER/FILE KIND/NAME...
	local f=$1
	shift
	python3 tests/gates/pick.py "$bundle/$f.yaml" "$@"
}
status() { kubectl patch "$1" "$2" ${4:+-n "$4"} --subresource=status --type=merge -p "$3" >/dev/null; }
pods_not_ready() { # on nodes that are on; a Job's pod that hangs is Ready
	kubectl get pods -A -o json | jq -r '.items[] | select(.spec.nodeName != "duck")
		| select([.status.conditions[]? | select(.type == "Ready" and .status == "True")] | length == 0)
		| .metadata.namespace + "/" + .metadata.name'
}
all_ready() { [ -z "$(pods_not_ready)" ] && [ "$(kubectl get pods -A -o name | wc -l)" -ge "$1" ]; }

# --- all objects, and every pod Ready -----------------------------------------------------------
cluster_nodes cow sheep >/dev/null || exit 1
cluster_scenario <<-'EOF'
	pods: [{match: '^g-job/|^garage/', action: hang}]
EOF
crds() { printf "CustomResourceDefinition/%s.$1 " "${@:2}"; }
{
	# shellcheck disable=SC2046
	pick 01-cilium/crds $(crds cilium.io ciliumnodes ciliumendpoints ciliumidentities ciliumnetworkpolicies \
		ciliumclusterwidenetworkpolicies ciliumloadbalancerippools ciliuml2announcementpolicies)
	pick 03-cert-manager/crds 'CustomResourceDefinition/*'
	pick 05-argocd/crds CustomResourceDefinition/applications.argoproj.io
	pick 06-rook-ceph/crds CustomResourceDefinition/cephclusters.ceph.rook.io
	for d in 03-cert-manager 04-traefik 05-argocd 06-rook-ceph 09-garage; do pick $d/pre 'Namespace/*'; done
	for ns in g-deploy g-ds g-sts g-job g-pvc; do printf -- '---\n{apiVersion: v1, kind: Namespace, metadata: {name: %s}}\n' $ns; done
} >"$CLUSTER_DIR/first.yaml"
# workload KIND NAMESPACE NAME [MORE-SPEC]
workload() {
	printf -- '---\napiVersion: apps/v1\nkind: %s\nmetadata: {name: %s, namespace: %s}\nspec:\n' "$1" "$3" "$2"
	printf '  selector: {matchLabels: {app: %s}}\n  %s\n' "$3" "${4:-}"
	printf '  template: {metadata: {labels: {app: %s}}, spec: {%s containers: [{name: c, image: "kiln.test/i:1"}]}}\n' "$3" "${5:-}"
}
job() {
	printf -- '---\napiVersion: batch/v1\nkind: Job\nmetadata: {name: %s, namespace: %s}\n' "$2" "$1"
	printf 'spec: {template: {spec: {restartPolicy: Never, containers: [{name: c, image: "kiln.test/i:1"}]}}}\n'
}
{
	pick 01-cilium/objects ConfigMap/cilium-config ServiceAccount/cilium ServiceAccount/cilium-operator DaemonSet/cilium Deployment/cilium-operator
	pick 01-cilium/post 'CiliumLoadBalancerIPPool/*' 'CiliumL2AnnouncementPolicy/*'
	pick 02-coredns/objects ServiceAccount/coredns Service/kube-dns Deployment/coredns
	pick 03-cert-manager/objects 'ServiceAccount/cert-manager*' 'Service/*' 'Deployment/*' '*WebhookConfiguration/*'
	pick 04-traefik/objects 'Service/*'
	pick 05-argocd/objects 'ServiceAccount/argocd-[!r]*' ServiceAccount/argocd-repo-server 'Deployment/*' 'StatefulSet/*'
	pick 06-rook-ceph/objects ServiceAccount/rook-ceph-system Deployment/rook-ceph-operator
	pick 08-rook-ceph-cluster/objects CephCluster/rook-ceph StorageClass/haystack
	workload Deployment g-deploy web 'minReadySeconds: 599'
	workload DaemonSet g-ds agent '' 'nodeSelector: {kiln.test/none: "yes"},'
	workload StatefulSet g-sts store 'serviceName: store'
	job g-job once
	job garage garage-layout-init
	for n in 0 1; do workload Deployment rook-ceph rook-ceph-osd-$n | sed "s/^metadata: {/&labels: {app: rook-ceph-osd}, /"; done
	cat <<-'EOF'
		---
		{apiVersion: v1, kind: PersistentVolumeClaim, metadata: {name: data, namespace: g-pvc}, spec: {storageClassName: local-path, accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}}
		---
		{apiVersion: storage.k8s.io/v1, kind: StorageClass, metadata: {name: local-path, annotations: {storageclass.kubernetes.io/is-default-class: "true"}}, provisioner: rancher.io/local-path, volumeBindingMode: WaitForFirstConsumer}
		---
		{apiVersion: storage.k8s.io/v1, kind: CSIDriver, metadata: {name: rook-ceph.rbd.csi.ceph.com}, spec: {attachRequired: true}}
		---
		{apiVersion: storage.k8s.io/v1, kind: CSINode, metadata: {name: cow}, spec: {drivers: [{name: rook-ceph.rbd.csi.ceph.com, nodeID: cow}]}}
		---
		{apiVersion: storage.k8s.io/v1, kind: CSINode, metadata: {name: sheep}, spec: {drivers: []}}
		---
		{apiVersion: v1, kind: Node, metadata: {name: duck, labels: {kubernetes.io/os: linux}}}
	EOF
} >"$CLUSTER_DIR/objects.yaml"
apply() { kubectl apply --server-side --force-conflicts -f "$CLUSTER_DIR/$1.yaml" >/dev/null; }
t 'kinds and namespaces' apply first
established() { kubectl wait --for=condition=Established crd --all --timeout=60s; }
t 'kinds are served' established
t 'objects' cluster_wait 30 apply objects
status node duck '{"status":{"capacity":{"cpu":"4","memory":"8Gi","pods":"110"},"allocatable":{"cpu":"4","memory":"8Gi","pods":"110"},
	"conditions":[{"type":"Ready","status":"Unknown","reason":"NodeStatusUnknown","message":"Kubelet stopped posting node status."}]}}'
t 'every pod is Ready' cluster_wait 60 all_ready 20

# --- each refuses, for a reason of its own ------------------------------------------------------
cat >"$CLUSTER_DIR/Corefile" <<EOF
.:53 {
	bind BIND
	errors
	kubernetes cluster.local in-addr.arpa ip6.arpa {
		kubeconfig $CLUSTER_DIR/data/server/cred/supervisor.kubeconfig
	}
}
EOF
coredns() { # ADDRESS...: the real one on these addresses
	if [ -n "${dns_pid:-}" ]; then kill "$dns_pid" && wait "$dns_pid"; fi
	sed "s/BIND/$*/" "$CLUSTER_DIR/Corefile" >"$CLUSTER_DIR/Corefile.now"
	"$CLUSTER_BIN/coredns" -conf "$CLUSTER_DIR/Corefile.now" >>"$CLUSTER_DIR/coredns.log" 2>&1 </dev/null &
	dns_pid=$!
	CLUSTER_AGENTS="${CLUSTER_AGENTS:-} $dns_pid"
}
coredns $dns4
echo 503 >"$CLUSTER_DIR/health"
python3 tests/gates/play.py "$CLUSTER_DIR/health" 9879 443 $vip4 $vip6 >"$CLUSTER_DIR/play.log" 2>&1 &
CLUSTER_AGENTS="$CLUSTER_AGENTS $!"

cilium='{"namespace": "kube-system"}'
dns="{\"servers\": [\"$dns4\", \"$dns6\"], \"name\": \"kubernetes.default.svc.cluster.local\", \"expect\": [\"10.43.0.1\", \"fd22:2025:6a6a:43::1\"], \"namespace\": \"kube-system\", \"deployment\": \"coredns\"}"
cm='{"namespace": "cert-manager"}'
lb='{"namespace": "traefik", "name": "traefik", "families": ["IPv4", "IPv6"], "port": 443}'
refuses 'no agent has written about its node' cilium-health "$cilium" 'node cow: its agent has made no CiliumNode yet'
refuses 'it listens on one family alone' dns-query "$dns" "$dns6 gives no answer over UDP for kube-dns.kube-system.svc.cluster.local A: Connection refused"
refuses 'no CA yet' cert-manager-webhook "$cm" 'webhook webhook.cert-manager.io of service cert-manager/cert-manager-webhook has no caBundle'
refuses 'no address yet' lb-address "$lb" 'no load-balancer address of IPv4 yet'


pool='{"name": "home"}' l2='{"name": "home"}'
condition() { # KIND NAME TYPE STATUS REASON MESSAGE [NAMESPACE]
	status "$1" "$2" "{\"status\":{\"conditions\":[{\"type\":\"$3\",\"status\":\"$4\",\"reason\":\"$5\",\"message\":\"$6\",\"lastTransitionTime\":\"2026-01-01T00:00:00Z\"${8:-}}]}}" "${7:-}"
}
refuses 'nobody has judged it' lb-pool "$pool" 'Cilium has not judged the pool yet'
conditions='{"type":"cilium.io/PoolConflict","status":"STATUS","reason":"cidr_overlap","message":"Pool conflicts since CIDR 192.168.14.40 overlaps with pool other","lastTransitionTime":"2026-01-01T00:00:00Z"},
	{"type":"cilium.io/IPsAvailable","status":"Unknown","reason":"noreason","message":"84","lastTransitionTime":"2026-01-01T00:00:00Z"}'
status ciliumloadbalancerippool home "{\"status\":{\"conditions\":[${conditions/STATUS/True}]}}"
refuses 'another pool overlaps' lb-pool "$pool" 'conflict: Pool conflicts since CIDR 192.168.14.40 overlaps with pool other'
condition ciliuml2announcementpolicy home io.cilium/bad-service-selector True error 'values: Invalid value: must be specified'
refuses 'Cilium finds a fault' l2-policy "$l2" 'io.cilium/bad-service-selector: values: Invalid value: must be specified'

issuer='{"kind": "ClusterIssuer", "name": "letsencrypt"}'
kubectl apply -f - >/dev/null <<-'EOF'
	{apiVersion: argoproj.io/v1alpha1, kind: Application, metadata: {name: coredns, namespace: argocd}, spec: {project: default, destination: {server: "https://kubernetes.default.svc"}, source: {repoURL: "https://git.example.org/x", path: .}}}
EOF
app='{"namespace": "argocd", "name": "coredns"}'
refuses 'nothing was compared' application-synced "$app" "sync is '', health is ''"
synced() { kubectl patch application coredns -n argocd --type=merge -p "$1" >/dev/null; }
synced '{"status":{"sync":{"status":"Unknown"},"health":{"status":"Healthy"},"conditions":[{"type":"ComparisonError","message":"Failed to load target state: dial tcp: lookup git.example.org: no such host"}]}}'
refuses 'its repository cannot be had' application-synced "$app" 'ComparisonError: Failed to load target state: dial tcp: lookup git.example.org: no such host'

deploy='{"namespace": "g-deploy", "name": "web"}' ds='{"namespace": "g-ds", "name": "agent"}'
sts='{"namespace": "g-sts", "name": "store", "min": 2}' job='{"namespace": "g-job", "name": "once"}'
layout='{"namespace": "garage", "name": "garage-layout-init"}' pvc='{"namespace": "g-pvc", "name": "data"}'
cond='{"group": "apps", "version": "v1", "plural": "deployments", "namespace": "g-deploy", "name": "web", "condition": "Available"}'
argo='{"namespace": "argocd"}' rook='{"namespace": "rook-ceph"}'
csi='{"name": "rook-ceph.rbd.csi.ceph.com", "namespace": "rook-ceph"}' class='{"name": "haystack"}'
ceph='{"namespace": "rook-ceph", "name": "rook-ceph", "osds": 2, "tolerate": ["POOL_NO_REDUNDANCY", "MON_DISK_LOW"]}'
refuses 'its pod is Ready, but not for long enough' deployment-available "$deploy" 'web: 0 of 1 availableReplicas'
refuses 'no node takes it' daemonset-ready "$ds" 'agent: no node takes it'
refuses 'fewer than asked for' statefulset-ready "$sts" 'store: 1 of 2 readyReplicas'
refuses 'its pod runs and does not end' job-complete "$job" 'not complete: 1 active, 0 succeeded, 0 failed'
refuses 'its pod runs and does not end' garage-layout "$layout" 'not complete: 1 active, 0 succeeded, 0 failed'
refuses 'nobody asks for it yet' pvc-bound "$pvc" "phase is 'Pending': WaitForFirstConsumer: waiting for first consumer to be created before binding"
refuses 'it is False' condition "$cond" 'Available is False: MinimumReplicasUnavailable: Deployment does not have minimum availability.'
refuses 'a second operator is missing' rook-operator "$rook" 'deployments/ceph-csi-controller-manager is not there'
refuses 'a node lacks the plugin' csi-driver "$csi" 'node sheep has no plugin of rook-ceph.rbd.csi.ceph.com yet'
refuses 'there are two defaults' storage-class "$class" 'StorageClass local-path is a default too'
refuses 'nothing is known yet' ceph-cluster "$ceph" "phase is ''"
cephcluster() { # PHASE STATE HEALTH DETAILS MESSAGE
	status cephcluster rook-ceph "{\"status\":{\"phase\":\"$1\",\"state\":\"$2\",\"message\":\"$5\",\"ceph\":{\"health\":\"$3\",\"details\":$4}}}" rook-ceph
}
cephcluster Progressing Creating HEALTH_ERR '{}' 'Configuring Ceph Mons'
refuses 'it is being made' ceph-cluster "$ceph" "phase is 'Progressing': Configuring Ceph Mons"
cephcluster Ready Created HEALTH_WARN '{"PG_DEGRADED":{"severity":"HEALTH_WARN","message":"Degraded data redundancy: 32 pgs undersized"}}' 'Cluster created successfully'
refuses 'a warning that is not tolerated' ceph-cluster "$ceph" 'PG_DEGRADED: Degraded data redundancy: 32 pgs undersized'
cephcluster Ready Created HEALTH_WARN '{"PG_DEGRADED":null,"POOL_NO_REDUNDANCY":{"severity":"HEALTH_WARN","message":"1 pool(s) have no replicas configured"}}' 'Cluster created successfully'
refuses 'an OSD is missing' ceph-cluster "${ceph/: 2/: 3}" '2 OSDs are up, 2 are there, 3 are planned; the log of Job rook-ceph-osd-prepare-<node> says which disk was skipped'
cluster_scenario <<-'EOF'
	pods: [{match: '^g-job/|^garage/', action: hang}]
	crds: {hold: [applications.argoproj.io]}
EOF
refuses 'its kind is not served' argocd-ready "$argo" '/apis/argoproj.io/v1alpha1/namespaces/argocd/applications'
t 'and every pod is Ready still' all_ready 20

# --- what was missing comes ---------------------------------------------------------------------
cluster_certmanager
echo "volumes: '^g-pvc/'" | cluster_scenario
for n in cow sheep; do
	printf -- '---\n{apiVersion: cilium.io/v2, kind: CiliumNode, metadata: {name: %s}, spec: {addresses: [{type: InternalIP, ip: 192.168.14.11}]}}\n' $n
done | kubectl apply -f - >/dev/null
refuses 'its own health endpoint says no' cilium-health "$cilium" 'the agent on this node is not well: http://127.0.0.1:9879/healthz gives 503'
echo 200 >"$CLUSTER_DIR/health"
opens cilium-health "$cilium"

coredns $dns4 $dns6
opens dns-query "$dns"

opens cert-manager-webhook "$cm"

ingress() { status service traefik "{\"status\":{\"loadBalancer\":{\"ingress\":[$1]}}}" traefik; }
ingress '{"ip":"'$vip4'"}'
refuses 'one family' lb-address "$lb" 'no load-balancer address of IPv6 yet'
ingress '{"ip":"'$vip4'"},{"ip":"fd12:3456:789a:14::1"}'
refuses 'an address out of the pool' lb-address "$lb" 'its address fd12:3456:789a:14::1 is in no CiliumLoadBalancerIPPool'
ingress '{"ip":"'$vip4'"},{"ip":"'$vip6'"}'
refuses 'nobody announces it' lb-address "$lb" 'no node announces it: there is no Lease kube-system/cilium-l2announce-traefik-traefik'
lease() { # HOLDER SECONDS-AGO
	kubectl apply -f - >/dev/null <<-EOF
		{apiVersion: coordination.k8s.io/v1, kind: Lease, metadata: {name: cilium-l2announce-traefik-traefik, namespace: kube-system},
		 spec: {holderIdentity: $1, leaseDurationSeconds: 15, renewTime: "$(date -u -d "$2 seconds ago" +%Y-%m-%dT%H:%M:%S.000000Z)"}}
	EOF
}
lease duck 0
refuses 'the node that announces it is off' lb-address "$lb" 'node duck should announce it, and is off'
lease sheep 600
refuses 'its lease is old' lb-address "$lb" 'was last renewed 6'
lease sheep 0
opens lb-address "$lb"

status ciliumloadbalancerippool home "{\"status\":{\"conditions\":[${conditions/STATUS/False}]}}"
opens lb-pool "$pool"
condition ciliuml2announcementpolicy home io.cilium/bad-service-selector False ok ''
opens l2-policy "$l2"

kubectl apply -f - >/dev/null <<-'EOF'
	apiVersion: cert-manager.io/v1
	kind: ClusterIssuer
	metadata: {name: letsencrypt}
	spec: {acme: {server: "https://acme.example.org/directory", privateKeySecretRef: {name: k}, solvers: []}}
	---
	apiVersion: cert-manager.io/v1
	kind: Certificate
	metadata: {name: home, namespace: traefik}
	spec: {secretName: home-tls, dnsNames: [home.example.org], issuerRef: {name: letsencrypt, kind: ClusterIssuer}}
EOF
cert='{"namespace": "traefik", "name": "home"}'
refuses 'it has no status' issuer-ready "$issuer" 'condition Ready is not there yet'
condition clusterissuer letsencrypt Ready False ErrRegisterACMEAccount 'Failed to register ACME account: dial tcp: lookup acme.example.org: no such host'
refuses 'it says why' issuer-ready "$issuer" 'Ready is False: ErrRegisterACMEAccount: Failed to register ACME account: dial tcp: lookup acme.example.org: no such host'
condition clusterissuer letsencrypt Ready True ACMEAccountRegistered 'The ACME account was registered'
opens issuer-ready "$issuer"
condition certificate home Issuing True DoesNotExist 'Issuing certificate as Secret does not exist' traefik
refuses 'it is being issued' certificate-ready "$cert" 'Issuing is True: DoesNotExist: Issuing certificate as Secret does not exist'
condition certificate home Ready True Ready 'Certificate is up to date' traefik
refuses 'its Secret is gone' certificate-ready "$cert" 'secrets/home-tls is not there'
kubectl create secret generic -n traefik home-tls --from-literal=tls.crt=x >/dev/null
opens certificate-ready "$cert"

synced '{"status":{"sync":{"status":"Synced"},"health":{"status":"Healthy"},"conditions":[],"operationState":{"phase":"Succeeded","startedAt":"2026-01-01T00:00:00Z","operation":{}}}}'
opens application-synced "$app"
opens argocd-ready "$argo"
kubectl patch deployment -n g-deploy web --type=merge -p '{"spec":{"minReadySeconds":0}}' >/dev/null
kubectl patch daemonset -n g-ds agent --type=json -p '[{"op":"remove","path":"/spec/template/spec/nodeSelector"}]' >/dev/null
kubectl scale statefulset -n g-sts store --replicas 2 >/dev/null
kubectl annotate storageclass local-path storageclass.kubernetes.io/is-default-class- >/dev/null
kubectl patch csinode sheep --type=merge -p '{"spec":{"drivers":[{"name":"rook-ceph.rbd.csi.ceph.com","nodeID":"sheep"}]}}' >/dev/null
pick 06-rook-ceph/objects Deployment/ceph-csi-controller-manager | kubectl apply -n rook-ceph -f - >/dev/null
printf '{apiVersion: v1, kind: ServiceAccount, metadata: {name: %s, namespace: rook-ceph}}' \
	"$(kubectl get deployment -n rook-ceph ceph-csi-controller-manager -o jsonpath='{.spec.template.spec.serviceAccountName}')" | kubectl apply -f - >/dev/null
workload Deployment g-pvc user '' 'volumes: [{name: d, persistentVolumeClaim: {claimName: data}}],' | kubectl apply -f - >/dev/null
opens deployment-available "$deploy"
opens condition "$cond"
opens daemonset-ready "$ds"
opens statefulset-ready "$sts"
opens job-complete "$job"
opens garage-layout "$layout"
opens pvc-bound "$pvc"
opens storage-class "$class"
opens csi-driver "$csi"
opens rook-operator "$rook"
opens ceph-cluster "$ceph"

# --- a gate says what the pod in the way says ---------------------------------------------------
cluster_scenario <<-'EOF'
	pods: [{match: '^w-image/', action: no-image}, {match: '^w-crash/', action: crash-loop}, {match: '^w-fail/', action: fail}]
	volumes: '^g-pvc/'
	namespaces: [stuck]
EOF
{
	for n in image crash fail place quota stuck; do printf -- '---\n{apiVersion: v1, kind: Namespace, metadata: {name: w-%s}}\n' $n; done
	printf -- '---\n{apiVersion: v1, kind: Namespace, metadata: {name: stuck}}\n---\n'
	printf '{apiVersion: v1, kind: ResourceQuota, metadata: {name: q, namespace: w-quota}, spec: {hard: {pods: 0}}}\n'
} | kubectl apply -f - >/dev/null
quota() { [ "$(kubectl get resourcequota -n w-quota q -o jsonpath='{.status.hard.pods}')" = 0 ]; }
t 'the quota holds' cluster_wait 60 quota
{
	for n in image crash quota; do workload Deployment w-$n web; done
	workload Deployment w-place web '' 'nodeSelector: {kiln.test/none: "yes"},'
	job w-fail once | sed 's/^spec: {/&backoffLimit: 0, /'
	workload DaemonSet w-crash agent
	workload StatefulSet w-image store 'serviceName: store'
	cat <<-'EOF'
		---
		{apiVersion: apiregistration.k8s.io/v1, kind: APIService, metadata: {name: v1.none.kiln.test}, spec: {group: none.kiln.test, version: v1, groupPriorityMinimum: 1000, versionPriority: 10, service: {name: none, namespace: w-image}}}
		---
		{apiVersion: policy/v1, kind: PodDisruptionBudget, metadata: {name: web, namespace: w-image}, spec: {minAvailable: 1, selector: {matchLabels: {app: web}}}}
		---
		{apiVersion: batch/v1, kind: Job, metadata: {name: later, namespace: w-stuck}, spec: {suspend: true, template: {spec: {restartPolicy: Never, containers: [{name: c, image: "kiln.test/i:1"}]}}}}
	EOF
} | kubectl apply -f - >/dev/null
kubectl delete namespace stuck --wait=false >/dev/null
web() { echo "{\"namespace\": \"w-$1\", \"name\": \"${2:-web}\"}"; }
refuses 'an image cannot be had' deployment-available "$(web image)" 'ImagePullBackOff: image kiln.test/i:1: Back-off pulling image "kiln.test/i:1"'
refuses 'an image cannot be had' statefulset-ready "$(web image store)" 'store: 0 of 1 readyReplicas: pod store-0 on '
refuses 'a container crashes' deployment-available "$(web crash)" 'container c: CrashLoopBackOff: it ended with code 1 (Error)'
refuses 'a container crashes' daemonset-ready "$(web crash agent)" 'container c: CrashLoopBackOff: it ended with code 1 (Error)'
refuses 'no node takes the pod' deployment-available "$(web place)" ': PodScheduled is False: Unschedulable: 0/3 nodes are available: '
refuses 'a quota forbids the pod' deployment-available "$(web quota)" 'is forbidden: exceeded quota: q, requested: pods=1, used: pods=0, limited: pods=0'
refuses 'its pod failed' job-complete "$(web fail once)" 'container c ended with code 1 (Error): failed by scenario'

# --- the kinds' rules over what the API server really says --------------------------------------
kinds=crd,namespace,apiservice,pods,deployments,daemonsets,statefulsets,replicasets,jobs,pvc,services,pdb,mutatingwebhookconfigurations,clusterissuers,certificates,cephclusters,applications,configmaps,nodes
judged() { kubectl get $kinds -A -o json >"$CLUSTER_DIR/all.json" 2>/dev/null; "$tool" --judge <"$CLUSTER_DIR/all.json" >"$CLUSTER_DIR/judged"; }
judged
while IFS='|' read -r object text; do
	says() { grep "^$object: " "$CLUSTER_DIR/judged" | grep -qF -- ": $text"; }
	judges() { says || { judged && says; }; }
	t "$object: $text" cluster_wait 60 judges
done <<-'EOF'
	CustomResourceDefinition /certificates.cert-manager.io|ready: 
	Namespace /argocd|ready: 
	Namespace /stuck|waiting: it is being deleted
	APIService /v1.apps|ready: 
	APIService /v1.none.kiln.test|waiting: Available is False: ServiceNotFound: service/none in "w-image" is not present
	Pod g-sts/store-0|ready: 
	Pod w-image/store-0|failed: ImagePullBackOff: image kiln.test/i:1
	Deployment argocd/argocd-server|ready: 
	Deployment w-crash/web|waiting: readyReplicas is 0 of 1
	Deployment w-quota/web|waiting: updatedReplicas is 0 of 1
	DaemonSet g-ds/agent|ready: 
	DaemonSet w-crash/agent|waiting: numberAvailable is 0 of 
	StatefulSet argocd/argocd-application-controller|ready: 
	StatefulSet w-image/store|waiting: readyReplicas is 0 of 1
	Job g-job/once|ready: 
	Job w-fail/once|failed: Failed is True: BackoffLimitExceeded
	Job w-stuck/later|waiting: Suspended is True
	PersistentVolumeClaim g-pvc/data|ready: 
	Service traefik/traefik|ready: 
	Service kube-system/kube-dns|ready: 
	PodDisruptionBudget w-image/web|waiting: currentHealthy is 0 of 1
	MutatingWebhookConfiguration /cert-manager-webhook|ready: 
	ClusterIssuer /letsencrypt|ready: 
	Certificate traefik/home|ready: 
	CephCluster rook-ceph/rook-ceph|ready: 
	Application argocd/coredns|ready: 
	ConfigMap kube-system/cilium-config|ready: 
EOF
replicasets() { judged && grep '^ReplicaSet w-quota/web-' "$CLUSTER_DIR/judged" | grep -qF 'waiting: ReplicaFailure is True: FailedCreate'; }
t 'ReplicaSet that a quota forbids its pods' cluster_wait 60 replicasets

# --- the closed list ----------------------------------------------------------------------------
tested() { # every name of lib's list refused and opened here, and no other
	diff <("$tool" --list | sort) <(printf '%s\n' "$@" | sort)
}
t 'every gate of the list has a test where it refuses' tested "${!refused[@]}"
t 'every gate of the list has a test where it opens' tested "${!opened[@]}"
# shellcheck disable=SC2046
t 'and a row in docs/gates.md' tested $(sed -n 's/^| `\([a-z0-9-]*\)`.*/\1/p' docs/gates.md)
echo "gates: $((SECONDS - t0)) s"
t_done
