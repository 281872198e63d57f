# shellcheck shell=bash
# lib.sh - the whole platform of ../shared/bundle against a fresh testk3s (bash; source it)
#
#	platform_namespace "$0" "$@"  # again in a network namespace of our own, or a skip
#	platform_bundle DIR           # the example cluster's bundle, built by the builder: $bundle
#	platform_start                # server, two machines, real CoreDNS and cert-manager, players
#	platform_run NAME SECONDS     # sequence-tool, its JSON in $work/NAME.json, its state in $work/state-NAME
#	platform_objects              # every object of the bundle, without what time and chance give
#
# Real: API server, controllers, scheduler, CoreDNS, cert-manager's webhook and cainjector. Played, since
# no container runs: pods (kwok), Cilium's nodes, health and Lease, Ceph's phases, OSDs and CSI
# registration, the issuer, load-balancer addresses and who answers on them.
dns4=10.43.0.10 dns6=fd22:2025:6a6a:43::a vip4=192.168.14.50 vip6=fd12:3456:789a:14::50
platform_here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
platform_top=$(cd "$platform_here/../.." && pwd)
shared=${KILN_SHARED:-$platform_top/../shared}
# shellcheck source=tests/cluster/lib.sh
. "$platform_top/tests/cluster/lib.sh"
tool=${O:?}/tests/sequence/sequence-tool
work=${work:-} # the test's own folder

platform_namespace() { # SCRIPT ARGS...
	local why=
	[ -d "$shared/bundle" ] || why='no test data: ../shared/bundle (set KILN_SHARED)'
	unshare -rn true 2>/dev/null || why='no network namespace may be made here'
	if [ -n "$why" ]; then
		echo "SKIPPED: $why: the platform was not tried"
		echo '0 passed, 0 failed, 1 skipped'
		exit 0
	fi
	if [ -z "${KILN_IN_NETNS:-}" ]; then
		cluster_bin || exit 1
		bash "$platform_top/tests/cluster/build.sh" coredns certmanager >/dev/null || exit 1
		KILN_IN_NETNS=1 exec unshare -rn bash "$@"
	fi
	ip link set lo up || exit 1
	for a in $dns4/32 $vip4/32 "$dns6/128 nodad" "$vip6/128 nodad"; do
		# shellcheck disable=SC2086
		ip addr add $a dev lo || exit 1
	done
}

platform_bundle() { # DIR
	local home=$1/home out
	mkdir -p "$home"
	python3 "$platform_top/tests/bundle/make-data.py" "$platform_top" "$(cd "$shared" && pwd)" "$1/data" || return 1
	# the reference manifests' StorageClass has another name than the chart would get from us
	sed -i 's/\${storage\.class}/haystack/' "$1/data/bundle/rook-ceph/component.yaml"
	cp "$platform_top/examples/home/cluster.yaml" "$home"
	(
		cd "$home" || exit 1
		export KILN_DATADIR=$1/data KILN_CACHE=$1/cache CLOUDFLARE_API_TOKEN=token-of-the-tests
		"$O/kiln" init >init.log 2>&1 || { cat init.log; exit 1; }
		out=$("$O/tests/bundle/bundle-tool" cluster.yaml) && cp "${out#* }" "$1/platform.tar"
	) || return 1
	bundle=$1/platform.tar
	tar xOf "$bundle" index.json >"$1/index.json"
}

platform_scenario() {
	cat <<-'EOF'
		volumes: '^garage/'
		status:
		- apiVersion: cilium.io/v2
		  kind: CiliumLoadBalancerIPPool
		  match: 'default-pool'
		  status:
		    conditions:
		    - {type: cilium.io/PoolConflict, status: "False", reason: resolved, message: "", lastTransitionTime: "2026-01-01T00:00:00Z"}
		    - {type: cilium.io/IPsAvailable, status: Unknown, reason: noreason, message: "10", lastTransitionTime: "2026-01-01T00:00:00Z"}
		- apiVersion: ceph.rook.io/v1
		  kind: CephCluster
		  match: '^rook-ceph/'
		  status: {phase: Ready, state: Created, ceph: {health: HEALTH_WARN, details: {POOL_NO_REDUNDANCY: {message: one copy, severity: HEALTH_WARN}}}}
		- {apiVersion: ceph.rook.io/v1, kind: CephBlockPool, match: '^rook-ceph/', status: {phase: Ready}}
		- {apiVersion: cert-manager.io/v1, kind: ClusterIssuer, match: '.', status: {conditions: [{type: Ready, status: "True", reason: r, message: m, lastTransitionTime: "2026-01-01T00:00:00Z"}]}}
		- {apiVersion: v1, kind: Service, match: '^traefik/', status: {loadBalancer: {ingress: [{ip: 192.168.14.50}, {ip: "fd12:3456:789a:14::50"}]}}}
	EOF
}

# What controllers that cannot run here would make; each as soon as it can be made.
platform_players() {
	local n
	{
		for n in cow sheep; do
			printf -- '---\n{apiVersion: storage.k8s.io/v1, kind: CSINode, metadata: {name: %s}, spec: {drivers: [{name: rook-ceph.rbd.csi.ceph.com, nodeID: %s}]}}\n' $n $n
		done
		cat <<-'EOF'
			---
			{apiVersion: storage.k8s.io/v1, kind: CSIDriver, metadata: {name: rook-ceph.rbd.csi.ceph.com}, spec: {attachRequired: true}}
			---
			apiVersion: coordination.k8s.io/v1
			kind: Lease
			metadata: {name: cilium-l2announce-traefik-traefik, namespace: kube-system}
			spec: {holderIdentity: cow, leaseDurationSeconds: 3600, renewTime: "RENEWED"}
		EOF
	} | sed "s/RENEWED/$(date -u +%FT%T.000000Z)/" | kubectl create -f - >/dev/null || return 1
	cluster_wait 300 kubectl get --raw /apis/cilium.io/v2/ciliumnodes || return 1
	for n in cow sheep; do
		printf -- '---\n{apiVersion: cilium.io/v2, kind: CiliumNode, metadata: {name: %s}, spec: {addresses: [{ip: 192.168.14.9, type: InternalIP}]}}\n' $n
	done | kubectl create -f - >/dev/null
	cluster_wait 300 kubectl get serviceaccount -n rook-ceph default || return 1
	for n in 0 1; do
		cat <<-EOF
			---
			apiVersion: apps/v1
			kind: Deployment
			metadata: {name: rook-ceph-osd-$n, namespace: rook-ceph, labels: {app: rook-ceph-osd}}
			spec:
			  selector: {matchLabels: {osd: "$n"}}
			  template: {metadata: {labels: {osd: "$n"}}, spec: {tolerations: [{operator: Exists}], containers: [{name: c, image: "kiln.test/i:1"}]}}
		EOF
	done | kubectl create -f - >/dev/null
}

platform_start() {
	cluster_start --node-ip 127.0.0.1,::1 --disable-cloud-controller || return 1
	cluster_nodes cow sheep >/dev/null || return 1
	platform_scenario | cluster_scenario || return 1
	cat >"$CLUSTER_DIR/Corefile" <<-EOF
		.:53 {
			bind $dns4 $dns6
			errors
			kubernetes cluster.local in-addr.arpa ip6.arpa {
				kubeconfig $CLUSTER_DIR/data/server/cred/supervisor.kubeconfig
			}
		}
	EOF
	"$CLUSTER_BIN/coredns" -conf "$CLUSTER_DIR/Corefile" >"$CLUSTER_DIR/coredns.log" 2>&1 </dev/null &
	CLUSTER_AGENTS="${CLUSTER_AGENTS:-} $!"
	echo 200 >"$CLUSTER_DIR/health"
	python3 "$platform_top/tests/gates/play.py" "$CLUSTER_DIR/health" 9879 443 $vip4 $vip6 >"$CLUSTER_DIR/play.log" 2>&1 </dev/null &
	CLUSTER_AGENTS="$CLUSTER_AGENTS $!"
	cluster_certmanager 0s
	platform_players >"$CLUSTER_DIR/players.log" 2>&1 </dev/null &
	CLUSTER_AGENTS="$CLUSTER_AGENTS $!"
}

platform_run() { # NAME SECONDS
	mkdir -p "$work/state-$1"
	timeout $(($2 + 30)) "$tool" "$KUBECONFIG" "$bundle" "$work/state-$1" "$2" >"$work/$1.json" 2>"$work/$1.err"
}

# Kinds and names of the bundle's objects from the cluster, one JSON text: uid, times, versions, what the
# server draws by chance and what other controllers write into status are left out.
platform_objects() {
	local kinds
	kinds=$(jq -r '[.components[].objects[] | if .group == "" then .plural else .plural + "." + .group end] | unique | join(",")' "$work/index.json")
	kubectl get "$kinds" -A -o json --show-managed-fields | jq -S --slurpfile index "$work/index.json" '
		([$index[0].components[].objects[] | "\(.group)/\(.kind)/\(.namespace // "")/\(.name)"]) as $ours
		| [.items[]
			| ((.apiVersion | if test("/") then split("/")[0] else "" end) + "/\(.kind)/\(.metadata.namespace // "")/\(.metadata.name)") as $key
			| select($key | IN($ours[]))
			| .metadata |= (del(.uid, .resourceVersion, .creationTimestamp, .generation)
				| .managedFields |= [.[]? | select(.subresource == null) | del(.time)] | .managedFields |= sort_by(.manager, .operation)
				| (if .labels then .labels |= with_entries(select(.key | test("controller-uid") | not)) else . end))
			| del(.status, .spec.clusterIP, .spec.clusterIPs, .spec.ports[]?.nodePort, .spec.healthCheckNodePort, .spec.volumeName)
			| (if .kind == "Job" then del(.spec.selector, .spec.template.metadata.labels) else . end)
			| (.webhooks[]?.clientConfig.caBundle?) |= "ca" ]
		| sort_by(.kind, .metadata.namespace, .metadata.name)'
}
