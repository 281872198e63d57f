#!/usr/bin/env bash
# The sequencer alone (sequence-tool) and `kiln-node sequence --plan` against testk3s: bundles
# that the builder makes from components of our own; kwok plays the machines.
set -u
cd "$(dirname "$0")/../.." || exit 1
# shellcheck source=tests/sequence/lib.sh
. tests/sequence/lib.sh

cold() {
	bundle alpha || return 1
	cluster_scenario <<-E
		pods: [{match: '^alpha/web', action: unready}]
	E
	check "a gate whose pods are not ready stays closed" run_until alpha '.done == false and (.components.alpha.state == "gating")
		and (.components.alpha.gates["deployment-available"] | test("0 of 1 availableReplicas"))'
	check "nothing of the component behind it is there" is alpha '.components["alpha-more"].state == "pending" and .components["alpha-more"].applied == 0'
	check "the reason names gate and object" is alpha '.reason | test("gate deployment-available: web")'
	cluster_scenario </dev/null
	check "it goes on when they are" run alpha
	check "all is up" is alpha '.done and .components.alpha.state == "ready" and .components["alpha-more"].applied == 60'
	check "a soft gate that is closed stops nothing and says why" is alpha '.components["alpha-more"].gates["deployment-available"] | test("deployments/later is not there")'
	check "the hook that goes after success is gone" sh -c "! $CLUSTER_BIN/testk3s kubectl -n alpha get job before"
	check "the other one stays" kubectl -n alpha get job behind
}

no_change() {
	[ "$failed" = 0 ] || return 1 # what follows stands on what came before
	versions alpha >"$work/before"
	check "second run" run alpha
	check "second run makes no write" is alpha '.created + .changed + .unchanged + .deleted == 0 and .done'
	versions alpha >"$work/after"
	check "no object has another version" cmp "$work/before" "$work/after"
	echo "second run: $(tail -n 1 "$work/alpha.json" | jq -c '{reads, requests}')"
	kubectl -n alpha delete cm c7 >/dev/null
	check "what was deleted" run alpha
	check "comes back alone" is alpha '.created == 1 and .changed + .unchanged + .deleted == 0'
	bundle alpha other
	check "a changed bundle" run alpha
	check "re-opens only what changed" is alpha '.changed == 60 and .created + .unchanged + .deleted == 0'
}

conflict() {
	[ "$failed" = 0 ] || return 1 # what follows stands on what came before
	kubectl -n alpha apply --server-side --force-conflicts --field-manager=somebody -f - >/dev/null <<-E
		{apiVersion: v1, kind: ConfigMap, metadata: {name: c3, namespace: alpha}, data: {a: mine}}
	E
	bundle alpha third
	check "another manager's field is not forced" run_until alpha '.done == false and .components["alpha-more"].state == "open"
		and (.reason | test("ConfigMap alpha/c3: another manager holds .*somebody"))'
	check "and keeps its value" sh -c "$CLUSTER_BIN/testk3s kubectl -n alpha get cm c3 -o jsonpath={.data.a} | grep -qx mine"
}

# killed NAME: kill -9 after ever other times, until it gets through
killed() {
	local n pid
	mkdir -p "$work/state-$1"
	for n in 5 9 13 17 21 26 31 36 42 48 60; do
		"$tool" "$KUBECONFIG" "$work/$1.tar" "$work/state-$1" 30 >"$work/$1.json" 2>"$work/killed.log" &
		pid=$!
		sleep "$(printf '0.%03d' $((n * 10)))"
		kill -9 "$pid" 2>/dev/null && kills=$((kills + 1))
		wait "$pid" 2>/dev/null
	done
}

resume() {
	[ "$failed" = 0 ] || return 1 # what follows stands on what came before
	local kills=0
	bundle beta || return 1
	bundle gamma || return 1
	check "undisturbed run" run gamma
	killed beta
	echo "kill -9: $kills times"
	check "killed often enough" test "$kills" -ge 5
	check "the run after the last kill gets through" run beta
	objects beta >"$work/beta.objects"
	objects gamma >"$work/gamma.objects"
	check "as many objects as expected" test "$(jq length "$work/gamma.objects")" -ge 69
	check "the same objects and managers as undisturbed" diff "$work/gamma.objects" "$work/beta.objects"
	run beta
	check "and nothing is left to write" is beta '.created + .changed + .unchanged + .deleted == 0 and .done'
}

# root NAME: what kiln-node finds below KILN_ROOT on the machine that works on NAME
root() {
	local r=$work/root-$1
	mkdir -p "$r/etc/kiln" "$r/etc/rancher/k3s" "$r/var/lib/kiln" "$r/run"
	cp "$KUBECONFIG" "$r/etc/rancher/k3s/k3s.yaml"
	cp "$work/$1.tar" "$r/var/lib/kiln/bundle.tar"
	cp "$work/state-$1/sequence" "$r/var/lib/kiln/sequence"
	jq --arg s "$(sha256sum <"$work/$1.tar" | cut -d' ' -f1)" '.bundle = {path: "/var/lib/kiln/bundle.tar", sha256: $s}' \
		tests/golden/plan/home/cow/etc/kiln/node.json >"$r/etc/kiln/node.json"
	echo "$r"
}

# hook NAME: a webhook that must answer, for a kind that nobody makes, and its Service, which selects nothing
hook() {
	cat <<-E
		---
		{apiVersion: v1, kind: Service, metadata: {name: hook, namespace: $1}, spec: {ports: [{port: 443}]}}
		---
		{apiVersion: admissionregistration.k8s.io/v1, kind: ValidatingWebhookConfiguration, metadata: {name: $1.kiln.test}, webhooks: [{name: $1.kiln.test,
		 clientConfig: {caBundle: "$(sed -n 's/.*certificate-authority-data: //p' "$KUBECONFIG")", service: {name: hook, namespace: $1, port: 443}}, failurePolicy: Fail, sideEffects: None,
		 matchPolicy: Equivalent, timeoutSeconds: 5, admissionReviewVersions: [v1], rules: [{apiGroups: [none.kiln.test], apiVersions: [v1], resources: [nothings], operations: [CREATE], scope: "*"}]}]}
	E
}

trouble() {
	[ "$failed" = 0 ] || return 1 # what follows stands on what came before
	local words='Deployment zeta/plain: readyReplicas is 0 of 1: pod plain-[a-z0-9-]* on [a-z]*: ImagePullBackOff: image kiln.test/i:1'
	bundle zeta b "$(hook zeta)" || return 1
	cluster_scenario <<-E
		pods: [{match: '^zeta/plain', action: no-image}]
	E
	check "a Deployment without its image names it" run_until zeta ".reason | test(\"zeta: $words\")"
	check "so does its component's status" is zeta ".components.zeta.reason | test(\"^$words\")"
	env KILN_ROOT="$(root zeta)" "$O/kiln-node" sequence --plan >"$work/plan3"
	check "and the plan" grep -q "^  $words" "$work/plan3"
	cluster_scenario </dev/null
	check "a webhook without endpoints names its service" run_until zeta ".reason | test(\"ValidatingWebhookConfiguration zeta.kiln.test: its webhook's service hook has no ready endpoint\")"
	kubectl create -f - >/dev/null <<-E
		{apiVersion: discovery.k8s.io/v1, kind: EndpointSlice, metadata: {name: hook-1, namespace: zeta, labels: {kubernetes.io/service-name: hook}},
		 addressType: IPv4, endpoints: [{addresses: [10.42.0.9], conditions: {ready: true}}], ports: [{port: 443}]}
	E
	check "and is ready when it has one" run zeta
	bundle delta || return 1
	cluster_scenario <<-E
		crds: {hold: [things.delta.kiln.test]}
	E
	check "a CRD that is not served keeps the next wave back" run_until delta '.reason | test("things.delta.kiln.test: (not served yet|waiting for /apis/delta.kiln.test)")'
	cluster_scenario </dev/null
	check "and lets it go when it is" run delta
}

holder() { kubectl get lease -n kiln-system sequence -o jsonpath='{.spec.holderIdentity}' 2>/dev/null; }
holds() { [ "$(holder)" = "$1" ]; }
has_maps() { [ "$(kubectl get cm -n "$1" -o name | grep -c /c)" -ge "$2" ]; }
# Two control-planes: one is stopped in the middle, the other goes on when the Lease was not
# renewed for its whole duration; the first one wakes up and writes nothing any more.
leader() {
	[ "$failed" = 0 ] || return 1 # what follows stands on what came before
	local a b
	bundle eps || return 1
	mkdir -p "$work/state-cow" "$work/state-sheep"
	cluster_scenario <<-E
		http: [{path: '/configmaps/c[0-9]', method: PATCH, agent: kiln-node, delay: 500ms}]
	E
	SEQUENCE_LEADER=cow "$tool" "$KUBECONFIG" "$work/eps.tar" "$work/state-cow" 300 >"$work/cow.json" 2>"$work/cow.err" &
	a=$!
	check "the first one holds the Lease" cluster_wait 60 holds cow
	SEQUENCE_LEADER=sheep "$tool" "$KUBECONFIG" "$work/eps.tar" "$work/state-sheep" 300 >"$work/sheep.json" 2>"$work/sheep.err" &
	b=$!
	check "it works" cluster_wait 60 has_maps eps 10
	kill -STOP $a
	check "the other one has not written: the Lease is the first one's" holds cow
	check "when the first one is stopped, the other takes the Lease" cluster_wait 90 holds sheep
	check "and gets through" wait $b
	check "with what was left" is sheep '.done and .created > 0 and .created < 60'
	versions eps >"$work/before"
	kill -CONT $a
	check "the first one goes on looking" wait $a
	versions eps >"$work/after"
	check "and wrote nothing any more" cmp "$work/before" "$work/after"
	check "what it made, the other did not" is cow '.done and .created > 10 and .changed + .unchanged == 0'
	check "the hook ran once" test "$(kubectl get events -n eps -o json | jq '[.items[] | select(.reason == "SuccessfulCreate" and .involvedObject.kind == "Job" and .involvedObject.name == "before")] | length')" = 1
	check "who is done gives the Lease back" holds ''
	cluster_scenario </dev/null
}

plan() {
	[ "$failed" = 0 ] || return 1 # what follows stands on what came before
	local r
	r=$(root gamma)
	check "plan" env KILN_ROOT="$r" "$O/kiln-node" sequence --plan
	cp "$work/out" "$work/plan"
	check "nothing is left, but the soft gate" sh -c "[ \$(grep -c '^  ' $work/plan) = 2 ] && grep -qx '  nothing is left' $work/plan && grep -q '^  gate deployment-available (soft): ' $work/plan"
	kubectl -n gamma delete cm c9 >/dev/null
	env KILN_ROOT="$r" "$O/kiln-node" sequence --plan >"$work/plan2"
	check "what is missing is named" grep -q 'ConfigMap gamma/c9: not there: to be applied' "$work/plan2"
	rm "$r/var/lib/kiln/sequence" # imaged anew
	env KILN_ROOT="$r" "$O/kiln-node" sequence --plan >"$work/plan4"
	check "without a record of its own it knows what the cluster knows" diff "$work/plan2" "$work/plan4"
	check "and makes none" test ! -e "$r/var/lib/kiln/sequence"
	cp "$work/state-gamma/sequence" "$r/var/lib/kiln/sequence"
	check "looking made nothing" sh -c "! $CLUSTER_BIN/testk3s kubectl -n gamma get cm c9"
	check "and left the record alone" cmp "$work/state-gamma/sequence" "$r/var/lib/kiln/sequence"
}

cluster_start --node-name cow || exit 1
trap at_exit EXIT
cluster_nodes cow sheep >/dev/null || exit 1
t=$SECONDS
cold && no_change && conflict && resume && trouble && { [ -z "${KILN_LEADER:-}" ] || leader; } && plan || failed=$((failed + 1))
echo "sequence: $((SECONDS - t)) s"
echo "$passed passed, $failed failed, 0 skipped"
[ "$failed" = 0 ]
