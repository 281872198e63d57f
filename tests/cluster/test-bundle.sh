#!/bin/bash
# All manifests of the home cluster, applied server-side by the real kubectl
set -u
here=$(cd "$(dirname "$0")" && pwd)
. "$here/lib.sh"
. "$here/tap.sh"

bundle=${KILN_SHARED:-$here/../../../shared}/bundle
if [ ! -d "$bundle" ]; then
	t_skip 20 "no test data: ${bundle#"$here"/} (set KILN_SHARED)"
	t_done
	exit
fi
is() { [ "$1" = "$2" ] || { echo "'$1' is not '$2'"; return 1; }; }
declare -A ns=([01]=kube-system [02]=kube-system [03]=cert-manager [04]=traefik [05]=argocd
	[06]=rook-ceph [07]=rook-ceph [08]=rook-ceph [09]=garage)

cluster_start --disable-cloud-controller || exit 1
cluster_nodes cow sheep >/dev/null
t 'two machines are Ready' cluster_wait 20 kubectl wait --for=condition=Ready node --all --timeout=1s
webhook_held() {
	cluster_scenario <<-EOF
		volumes: '^garage/'
		pods: $1
	EOF
}
webhook_held "[{match: '^cert-manager/cert-manager-webhook', action: unready}]"

apply() { # FILE... of one folder
	local d=$1 f
	shift
	for f; do
		[ -f "$bundle/$d/$f.yaml" ] || continue
		# the release's namespace for objects that name none, as Helm means it
		sed "s/^    cluster: default$/&\n    namespace: ${ns[${d%%-*}]}/" "$KUBECONFIG" >"$CLUSTER_DIR/in.yaml"
		KUBECONFIG=$CLUSTER_DIR/in.yaml kubectl apply --server-side --field-manager=kiln -f "$bundle/$d/$f.yaml" >/dev/null || return 1
	done
}
# served: every CRD is Established and in the discovery document, so that kubectl knows its kind
served() {
	local want
	want=$(kubectl get crd -o jsonpath='{range .items[*]}{.metadata.name}{"\n"}{end}') || return 1
	[ -z "$(comm -23 <(echo "$want" | sort) <(kubectl api-resources --cached=false -o name | sort))" ]
}
t0=$SECONDS
for dir in "$bundle"/*/; do
	d=$(basename "$dir")
	[ -n "${ns[${d%%-*}]:-}" ] || continue
	t "$d: all of it applies" apply "$d" crds pre
	cluster_wait 60 served
	if [ "$d" = 03-cert-manager ]; then cluster_certmanager late; fi
	t "$d: objects" apply "$d" objects
	if [ "$d" = 03-cert-manager ]; then
		junk() { # a CertificateRequest that the webhook must see
			kubectl create --dry-run=server -o jsonpath='{.spec.username}' -f - <<-EOF
				apiVersion: cert-manager.io/v1
				kind: CertificateRequest
				metadata: {generateName: probe-, namespace: cert-manager}
				spec: {issuerRef: {name: none}, request: $1}
			EOF
		}
		csr=$(openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout /dev/null -subj /CN=probe 2>/dev/null | base64 -w0)
		no_endpoints() { ! junk "$csr" >"$CLUSTER_DIR/junk" 2>&1 && grep -q 'no endpoints available for service "cert-manager-webhook"' "$CLUSTER_DIR/junk"; }
		t "without the webhook's endpoints the service is named" cluster_wait 60 no_endpoints
		webhook_held '[]'
		webhook_up() { kubectl wait -n cert-manager --for=condition=Available deployment/cert-manager-webhook --timeout=1s; }
		cluster_wait 60 webhook_up
		# before it has a certificate to serve the answer is another one; the CA comes no earlier than we say
		untrusted() { ! junk "$csr" >"$CLUSTER_DIR/junk" 2>&1 && grep -q 'x509: certificate signed by unknown authority' "$CLUSTER_DIR/junk"; }
		t 'before the CA is injected the webhook is not trusted' cluster_wait 60 untrusted
		cluster_inject
		t 'the real webhook mutates a dry-run create' cluster_wait 60 junk "$csr"
		t_has 'and denies a broken request' 'admission webhook "webhook.cert-manager.io" denied the request' junk aGVsbG8=
	fi
	t "$d: post" apply "$d" post
done
echo "# applied in $((SECONDS - t0)) s, server RSS $(awk '/VmRSS/ {print int($2/1024)}' "/proc/$CLUSTER_PID/status") MB"

want=$(grep -vc '^#\|^file' "$bundle/ORACLE.tsv")
t 'ORACLE.tsv names as many objects as the folders' test "$want" -ge 300
ready() { # KIND JSONPATH-OF-WANTED JSONPATH-OF-READY
	kubectl get "$1" -A -o jsonpath="{range .items[*]}{.metadata.namespace}/{.metadata.name} {$2} {$3}{'\n'}{end}" |
		awk 'NF && $2 != $3 {print; bad=1} END {exit bad}'
}
t 'every Deployment is ready' cluster_wait 90 ready deployments .spec.replicas .status.readyReplicas
t 'every DaemonSet is on both machines' cluster_wait 60 ready daemonsets .status.desiredNumberScheduled .status.numberReady
t 'DaemonSets want two' is "$(kubectl get ds -n kube-system cilium -o jsonpath='{.status.numberReady}')" 2
t 'every StatefulSet is ready' cluster_wait 60 ready statefulsets .spec.replicas .status.readyReplicas
t 'every Job completes' cluster_wait 60 ready jobs .spec.completions .status.succeeded

# what the sequencer relies on
rv() { kubectl get deployment -n kube-system coredns -o jsonpath='{.metadata.generation}'; }
before=$(rv)
apply 02-coredns objects
t 'applying again changes nothing' is "$(rv)" "$before"
conflict() {
	kubectl apply --server-side --field-manager=other -f - <<-EOF
		apiVersion: apps/v1
		kind: Deployment
		metadata: {name: coredns, namespace: kube-system}
		spec: {replicas: 5}
	EOF
}
t_has 'a conflict names the manager' 'conflict with "kiln": .spec.replicas' conflict
dry() { kubectl -n kube-system patch deployment coredns --dry-run=server -p '{"spec":{"replicas":7}}' -o jsonpath='{.spec.replicas}'; }
t 'a dry run answers as if' is "$(dry)" 7
t 'and writes nothing' is "$(kubectl get deployment -n kube-system coredns -o jsonpath='{.spec.replicas}')" 2
t_has 'discovery has the new groups' ciliumloadbalancerippools.cilium.io kubectl api-resources --api-group=cilium.io -o name
"$CLUSTER_BIN/testk3s" kubectl get configmap -n default --watch-only -o name >"$CLUSTER_DIR/watch" &
CLUSTER_AGENTS="${CLUSTER_AGENTS:-} $!"
seen() { # the watch may not have begun: a new object each time
	kubectl create -f - <<<'{apiVersion: v1, kind: ConfigMap, metadata: {generateName: seen-, namespace: default}}'
	grep -q configmap/seen- "$CLUSTER_DIR/watch"
}
t 'a watch reports a new object' cluster_wait 30 seen

# without K3s' cloud controller a kubelet gives its first address only, unless kubelet-arg says more
address() { kubectl get node "$1" -o jsonpath='{.status.addresses[?(@.type=="InternalIP")].address}'; }
cluster_agent duck --node-ip 127.0.0.2,fd00::2
cluster_agent goat --node-ip 127.0.0.3,fd00::3 --kubelet-arg node-ip=127.0.0.3,fd00::3
t 'two agents join' cluster_wait 20 kubectl get node duck goat
t 'without the cloud controller one address' is "$(address duck)" 127.0.0.2
t 'and with kubelet-arg node-ip both' is "$(address goat)" '127.0.0.3 fd00::3'
t_done
