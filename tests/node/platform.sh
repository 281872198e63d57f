# shellcheck shell=bash
# The step `sequence`: a bundle that the builder made, brought up by the agent itself.
# Run by `make test-node-sequence`.
# shellcheck disable=SC2154
datadir=$PWD

# built: one component `plat`, a Deployment and a ConfigMap -> $work/plat.tar
built() {
	local d=$work/src-plat path
	mkdir -p "$d/plat"
	printf '%s\n' 'kiln: 1' 'description: a small one' 'namespace: plat' 'sources: [{manifests: [m.yaml]}]' \
		'provides: [cni]' >"$d/plat/component.yaml"
	cat >"$d/plat/m.yaml" <<-'Y'
		{apiVersion: v1, kind: ConfigMap, metadata: {name: a, namespace: plat}, data: {x: z}}
		---
		apiVersion: apps/v1
		kind: Deployment
		metadata: {name: web, namespace: plat}
		spec:
		  selector: {matchLabels: {app: web}}
		  template: {metadata: {labels: {app: web}}, spec: {hostNetwork: true, tolerations: [{operator: Exists}], containers: [{name: c, image: "kiln.test/i:1"}]}}
	Y
	{
		cat tests/sequence/cluster.yaml
		echo '- plat: {path: ./plat}'
	} >"$d/cluster.yaml"
	export KILN_DATADIR=$datadir KILN_CACHE=$work/cache
	"${KILN:?}" init "$d/cluster.yaml" >"$work/init.log" 2>&1 &&
		path=$("${BUNDLE_TOOL:?}" "$d/cluster.yaml" | cut -d' ' -f2) && cp "$path" "$work/plat.tar"
}
# with_bundle NAME [JQ]: another machine that takes itself for cow, with that bundle
with_bundle() {
	cow_root "$1" ".bundle = {path: \"/var/lib/kiln/bundle.tar\", sha256: \"$(sha256sum <"$work/plat.tar" | cut -d' ' -f1)\"} | ${2:-.}"
	mkdir -p "$work/$1/var/lib/kiln"
	cp "$work/plat.tar" "$work/$1/var/lib/kiln/bundle.tar"
}
component() { # NAME JQ-CONDITION: of plat's entry in the status
	wait_status "$1" ".components[] | select(.name == \"plat\") | $2" 60
}
plan() { KILN_ROOT=$work/$1 "$agent" sequence --plan; }

platform() {
	check "a bundle of the builder" built || return
	cluster_scenario <<<"pods: [{match: '^plat/web', action: unready}]"
	with_bundle plat
	start_agent plat
	check "sequence: what it waits for is the step's reason" wait_status plat \
		'.steps[] | select(.name == "sequence") | .state != "done" and ((.reason // "") | contains("plat: Deployment plat/web: "))' 60
	check "sequence: and its component's" component plat '.state == "applying" and .applied == 3 and (.reason | startswith("Deployment plat/web: "))'
	cluster_scenario </dev/null
	check "sequence: done" state plat sequence 'done' '' 60
	check "sequence: the component is ready" component plat '.state == "ready"'
	check "sequence: so is the node" wait_status plat '.phase == "ready"' 60
	check "sequence: no Lease without another control-plane" sh -c "! $CLUSTER_BIN/testk3s kubectl -n kiln-system get lease sequence"
	check "sequence: its journal is its own, for root alone" test "$(stat -c %a "$work/plat/var/lib/kiln/sequence")" = 600
	check "sequence: bound to this cluster" grep -q " cluster uid $(kubectl get namespace kube-system -o jsonpath='{.metadata.uid}')$" "$work/plat/var/lib/kiln/sequence"
	plan plat >"$work/plan"
	check "sequence: by the plan nothing is left" grep -qx '  nothing is left' "$work/plan"
	stop_agent
	# the agent anew, what was made gone in between
	kubectl -n plat delete cm a >/dev/null
	rm "$work/plat/run/kiln/status.json"
	start_agent plat
	check "sequence: the next run makes it again" cluster_wait 60 kubectl -n plat get cm a
	check "sequence: and is done" state plat sequence 'done' '' 60
	stop_agent
	with_bundle rival "$(peer bull 192.168.14.4)"
	kubectl -n plat delete cm a >/dev/null
	start_agent rival
	check "sequence: beside another control-plane" state rival sequence 'done' '' 60
	check "sequence: it writes" cluster_wait 60 kubectl -n plat get cm a
	given_back() { kubectl -n kiln-system get lease sequence -o json | jq -e '(.spec.holderIdentity // "") == ""' >/dev/null; }
	check "sequence: by the Lease, which is given back" cluster_wait 60 given_back
	stop_agent
	[ -d "$work/sheep" ] || return 0 # ONLY=platform
	jq '.bundle = {path: "/var/lib/kiln/bundle.tar", sha256: ("0" * 64)}' "$work/sheep/etc/kiln/node.json" >"$work/node.json"
	cp "$work/node.json" "$work/sheep/etc/kiln/node.json"
	start_agent sheep
	check "sequence: no work of a worker" state sheep sequence 'done' "a control-plane's work" 90
	stop_agent
}
