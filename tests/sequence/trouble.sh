#!/usr/bin/env bash
# The sequencer in trouble, against the real API server: each case makes one trouble, sees that the reason
# says what it is, ends it, and sees that the same process goes on to the same objects as without,
# with no effect repeated. ONLY="case case" runs some of them.
set -u
cd "$(dirname "$0")/../.." || exit 1
# shellcheck source=tests/sequence/lib.sh
. tests/sequence/lib.sh

says() { # NAME REGULAR-EXPRESSION: it is not done, and says so
	comes "$1" ".done == false and (.reason | test(\"$2\"))"
}

# whole NAME: all that bundle() makes is there, as undisturbed; no Job was made twice (each Job that is
# made has one event of its controller; a Job made again would have another)
whole() {
	is "$1" .done || return 1
	objects "$1" >"$work/$1.objects"
	if [ ! -s "$work/undisturbed" ]; then
		[ "$(jq length "$work/$1.objects")" -ge 69 ] && cp "$work/$1.objects" "$work/undisturbed"
		return
	fi
	diff "$work/undisturbed" "$work/$1.objects" || return 1
	kubectl get events -n "$1" -o json | jq -ce '[.items[] | select(.reason == "SuccessfulCreate" and .involvedObject.kind == "Job")
		| [.involvedObject.name, .count]] | sort | (. , . == [["before", 1], ["behind", 1], ["brief", 1]])'
}

# hits N: how often the rule number N of the scenario's http struck, since the scenario is in force
hits() { tac "$CLUSTER_LOG" | sed '/scenario in force/q' | grep -c "scenario: http\[$1\] on"; }

# struck COUNT...: that of each rule
struck() {
	local n=0 want
	for want; do
		test "$(hits $n)" = "$want" || {
			echo "rule $n struck $(hits $n) times, not $want"
			return 1
		}
		n=$((n + 1))
	done
}

undisturbed() {
	bundle gamma || return 1
	check "undisturbed run" run gamma
	check "its objects" whole gamma
}

before_cni() { # a real agent's Node, NotReady until Cilium's pod is Ready there; no other Node yet
	small early <<-'E' || return 1
		apiVersion: apps/v1
		kind: Deployment
		metadata: {name: web, namespace: early}
		spec:
		  selector: {matchLabels: {app: web}}
		  template: {metadata: {labels: {app: web}}, spec: {containers: [{name: c, image: "kiln.test/i:1"}]}}
	E
	small cni <<-'E' || return 1
		apiVersion: apps/v1
		kind: DaemonSet
		metadata: {name: cilium, namespace: cni}
		spec:
		  selector: {matchLabels: {k8s-app: cilium}}
		  template:
		    metadata: {labels: {k8s-app: cilium}}
		    spec: {hostNetwork: true, tolerations: [{operator: Exists}], containers: [{name: c, image: "kiln.test/i:1"}]}
	E
	cluster_agent duck --node-ip 127.0.0.2,fd00::2
	check "an agent's Node" cluster_wait 30 kubectl get node duck
	begin early
	check "a pod that no node takes is told" says early 'Deployment early/web: .*pod web-.*had untolerated taint'
	check "the CNI comes up before" "$tool" "$KUBECONFIG" "$work/cni.tar" "$(mktemp -d "$work/XXXXXX")" 300
	check "and the pod after" ends
	cluster_agents_end
	kubectl delete node duck >/dev/null
}

late_crd() {
	bundle crd || return 1
	cluster_scenario <<<'crds: {hold: [things.crd.kiln.test]}'
	begin crd
	check "a CRD that is not served keeps what comes next back" says crd 'things.crd.kiln.test: (not served yet|waiting for /apis/crd.kiln.test)'
	check "what needs no CRD is there" kubectl get -n crd serviceaccount/web secret/s service/web
	check "no hook and no workload is" test -z "$(kubectl get -n crd jobs,deployments,daemonsets,statefulsets -o name)"
	check "nor what comes after them" is crd '.components.crd.applied == 6'
	cluster_scenario </dev/null
	check "late CRD: goes on" ends
	check "late CRD: whole" whole crd
}

bursts() {
	bundle burst || return 1
	cluster_scenario <<-'E'
		http:
		- {path: '/configmaps/', agent: kiln-node, method: PATCH, times: 40, status: 429, retryAfter: 1}
		- {path: '/(secrets|serviceaccounts|services)/', agent: kiln-node, method: PATCH, times: 3, status: 500}
		- {path: '/(deployments|daemonsets|statefulsets)/', agent: kiln-node, method: PATCH, times: 4, status: 503}
		- {path: '/(deployments|daemonsets|statefulsets)/', agent: kiln-node, method: GET, times: 2, status: 429, retryAfter: 1}
		- {path: '/(deployments|daemonsets|statefulsets)/', agent: kiln-node, method: GET, times: 2, status: 500}
		- {path: '/(deployments|daemonsets|statefulsets)/', agent: kiln-node, method: GET, times: 2, status: 503}
		- {path: '/jobs/', agent: kiln-node, method: DELETE, times: 1, status: 503}
	E
	check "429, 500, 503: gets through" run burst
	check "429, 500, 503: all struck" struck 40 3 4 2 2 2 1
	check "429, 500, 503: whole" whole burst
}

cut_off() { # what was cut off was done: it is asked again, and makes no second effect
	bundle cut || return 1
	cluster_scenario <<-'E'
		http:
		- {path: '/configmaps/', agent: kiln-node, method: PATCH, times: 40, cut: 40}
		- {path: '/(deployments|daemonsets|statefulsets)/', agent: kiln-node, method: PATCH, times: 4, cut: 40}
		- {path: '/jobs/', agent: kiln-node, method: PATCH, times: 2, cut: 40}
		- {path: '/(deployments|daemonsets|statefulsets)/', agent: kiln-node, method: GET, times: 4, cut: 40}
		- {path: '/jobs/', agent: kiln-node, method: DELETE, times: 1, cut: 20}
	E
	check "connection cut in mid-body: gets through" run cut
	check "connection cut: all struck" struck 40 4 2 4 1
	check "connection cut: whole" whole cut
}

busy() { # a server that says come back in 2 s is not asked more often
	local n t0
	small busy <<<'{apiVersion: v1, kind: ConfigMap, metadata: {name: a, namespace: busy}}' || return 1
	cluster_scenario <<<"http: [{path: '^/api/v1/namespaces/busy', agent: kiln-node, method: PATCH, status: 429, retryAfter: 2}]"
	t0=$SECONDS
	begin busy
	check "429 without end is told" says busy 'by scenario'
	eight() { [ $((SECONDS - t0)) -ge 8 ]; }
	cluster_wait 10 eight
	n=$(hits 0) t0=$((SECONDS - t0))
	check "Retry-After is kept ($n requests in $t0 s)" test "$n" -ge 2 -a "$n" -le $((t0 / 2 + 2))
	cluster_scenario </dev/null
	check "429: goes on" ends
}

webhook() {
	local d=$work/hook port
	mkdir "$d"
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=hook -addext subjectAltName=DNS:hook.hook.svc \
		-keyout "$d/key" -out "$d/crt" 2>/dev/null
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=other -keyout "$d/other.key" -out "$d/other.crt" 2>/dev/null
	port=$(cluster_port) CLUSTER_RESERVED="${CLUSTER_RESERVED:-} $port"
	python3 $here/hook.py "$port" "$d/crt" "$d/key" "$d/log" &
	CLUSTER_AGENTS="${CLUSTER_AGENTS:-} $!"
	small hook <<-'E' || return 1
		apiVersion: apiextensions.k8s.io/v1
		kind: CustomResourceDefinition
		metadata: {name: things.hook.kiln.test}
		spec:
		  group: hook.kiln.test
		  names: {kind: Thing, plural: things}
		  scope: Namespaced
		  versions: [{name: v1, served: true, storage: true, schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}}]
		---
		apiVersion: apps/v1
		kind: Deployment
		metadata: {name: hook, namespace: hook}
		spec:
		  selector: {matchLabels: {app: hook}}
		  template: {metadata: {labels: {app: hook}}, spec: {tolerations: [{operator: Exists}], containers: [{name: c, image: "kiln.test/i:1"}]}}
		---
		apiVersion: v1
		kind: Service
		metadata: {name: hook, namespace: hook}
		spec: {selector: {app: hook}, ports: [{port: 443, targetPort: 8443}]}
		---
		apiVersion: admissionregistration.k8s.io/v1
		kind: ValidatingWebhookConfiguration
		metadata: {name: hook.kiln.test}
		webhooks:
		- name: hook.kiln.test
		  admissionReviewVersions: [v1]
		  sideEffects: None
		  rules: [{apiGroups: [hook.kiln.test], apiVersions: [v1], operations: [CREATE, UPDATE], resources: [things]}]
		  clientConfig: {service: {name: hook, namespace: hook}}
		---
		{apiVersion: hook.kiln.test/v1, kind: Thing, metadata: {name: x, namespace: hook}, spec: {size: 1}}
	E
	ca() { # FILE: what cert-manager's cainjector does
		kubectl patch validatingwebhookconfiguration hook.kiln.test --type=json -p "[{\"op\": \"${2:-add}\",
			\"path\": \"/webhooks/0/clientConfig/caBundle\", \"value\": \"$(base64 -w0 <"$1")\"}]"
	}
	cluster_scenario <<<"routes: {'hook/hook-:8443': '127.0.0.1:$port'}"
	begin hook
	check "a webhook without CA names its service" says hook 'webhook hook.kiln.test of service hook has no caBundle yet'
	check "what it guards is not sent meanwhile" test ! -e "$d/log"
	ca "$d/other.crt" >/dev/null
	check "with another CA the API server's words name it" says hook 'Thing hook/x: .*hook.hook.svc.*x509: certificate signed by unknown authority'
	ca "$d/crt" replace >/dev/null
	check "with its CA it goes on" ends
	check "it was asked once" grep -cx 'CREATE x' "$d/log"
	check "and the CA is still the injector's" sh -c "$CLUSTER_BIN/testk3s kubectl get validatingwebhookconfiguration hook.kiln.test -o jsonpath='{.webhooks[0].clientConfig.caBundle}' | base64 -d | cmp - $d/crt"
}

terminating() {
	bundle ending || return 1
	kubectl create namespace ending >/dev/null
	cluster_scenario <<<'namespaces: [ending]'
	held() { kubectl get namespace ending -o jsonpath='{.spec.finalizers}' | grep -q kiln.test/hold; }
	cluster_wait 20 held
	kubectl delete namespace ending --wait=false >/dev/null
	begin ending
	check "a namespace that ends is told" says ending 'Namespace .*ending: it is being deleted'
	check "nothing is put into it" is ending '.components["ending-more"].applied == 0'
	cluster_scenario </dev/null
	check "when it is gone it is made anew" ends
	check "namespace: whole" whole ending
}

conflict() {
	small rival <<-'E' || return 1
		{apiVersion: v1, kind: ConfigMap, metadata: {name: a, namespace: rival}, data: {x: ours, w: ours}}
		---
		{apiVersion: v1, kind: ConfigMap, metadata: {name: b, namespace: rival}, data: {x: ours}}
	E
	kubectl create namespace rival >/dev/null
	kubectl apply --server-side --field-manager=somebody -f - >/dev/null <<<'{apiVersion: v1, kind: ConfigMap, metadata: {name: a, namespace: rival}, data: {x: theirs, z: theirs}}'
	check "another manager and its field are named" run_until rival '.done == false and .components.rival.applied == 2 and
		(.reason | test("ConfigMap rival/a: another manager holds .*somebody.*[.]data[.]x"))'
	check "the others are applied" kubectl -n rival get cm b
	check "the field is not forced" sh -c "test \"\$($CLUSTER_BIN/testk3s kubectl -n rival get cm a -o jsonpath='{.data}')\" = '{\"x\":\"theirs\",\"z\":\"theirs\"}'"
	check "its component is open" is rival '.components.rival.state == "open"'
	kubectl apply --server-side --field-manager=somebody -f - >/dev/null <<<'{apiVersion: v1, kind: ConfigMap, metadata: {name: a, namespace: rival}, data: {z: theirs}}'
	check "when the other lets go it goes on" run rival
	check "both have what is theirs" sh -c "test \"\$($CLUSTER_BIN/testk3s kubectl -n rival get cm a -o jsonpath='{.data}')\" = '{\"w\":\"ours\",\"x\":\"ours\",\"z\":\"theirs\"}'"
}

immutable() {
	local uid
	fixed() { # VALUE
		small fixed <<-E
			apiVersion: batch/v1
			kind: Job
			metadata: {name: once, namespace: fixed}
			spec: {template: {spec: {restartPolicy: Never, tolerations: [{operator: Exists}], containers: [{name: c, image: "kiln.test/$1:1"}]}}}
			---
			apiVersion: apps/v1
			kind: Deployment
			metadata: {name: web, namespace: fixed}
			spec:
			  selector: {matchLabels: {app: $1}}
			  template: {metadata: {labels: {app: $1}}, spec: {tolerations: [{operator: Exists}], containers: [{name: c, image: "kiln.test/i:1"}]}}
			---
			{apiVersion: v1, kind: ConfigMap, metadata: {name: a, namespace: fixed}, data: {x: $1}}
		E
	}
	fixed one || return 1
	check "before the change" run fixed
	uid=$(kubectl -n fixed get job once -o jsonpath='{.metadata.uid}')
	fixed two || return 1
	# somebody has to help: that is looked at each 30 s alone, so the rest is a process of its own
	check "a change that cannot be made says what to do" run_until fixed '.done == false and (.reason | test(
		"(Job fixed/once|Deployment fixed/web): it cannot be changed in place: delete it by hand if that is wanted: .*spec[.](template|selector)"))'
	check "its component is open" is fixed '.components.fixed.state == "open"'
	check "what can be changed is" cluster_wait 20 sh -c "$CLUSTER_BIN/testk3s kubectl -n fixed get cm a -o jsonpath={.data.x} | grep -qx two"
	check "nothing was deleted for it" test "$(kubectl -n fixed get job once -o jsonpath='{.metadata.uid}')" = "$uid"
	kubectl -n fixed delete job once >/dev/null
	kubectl -n fixed delete deployment web >/dev/null
	check "deleted by hand, it is made anew" run fixed
	check "as the bundle says" sh -c "$CLUSTER_BIN/testk3s kubectl -n fixed get deployment web -o jsonpath={.spec.selector.matchLabels.app} | grep -qx two"
}

image() {
	bundle img || return 1
	cluster_scenario <<<"pods: [{match: '^img/web', action: no-image}]"
	begin img
	check "a missing image is named" says img '(ErrImagePull|ImagePullBackOff): image kiln.test/i:1'
	cluster_scenario </dev/null
	check "when it comes it goes on" ends
	check "image: whole" whole img
}

etcd() {
	bundle keeper || return 1
	begin keeper
	cluster_wait 20 kubectl get namespace keeper
	cluster_scenario <<<'etcd: stopped'
	check "without etcd the server's words are told" says keeper '(etcd|timeout|timed out|Timeout|connection refused|error)'
	cluster_scenario </dev/null
	check "with etcd it goes on" ends
	check "etcd: whole" whole keeper
}

certificates() {
	bundle cert || return 1
	cluster_scenario <<<'certs: {serving: expired}'
	begin cert
	check "an expired serving certificate is told" says cert 'certificate has expired'
	cluster_scenario </dev/null
	check "with a new one it goes on" ends
	check "serving certificate: whole" whole cert
	bundle admin || return 1
	cluster_scenario <<<'certs: {admin: expired}'
	check "an expired client certificate is told" run_until admin '.done == false and (.reason | test("certificate.*expired"))'
	check "and nothing is there" is admin '.created == 0 and .changed == 0'
	cluster_scenario </dev/null
	check "with a new one the next process goes on" run admin
	check "client certificate: whole" whole admin
}

restart() {
	bundle again || return 1
	begin again
	cluster_wait 20 kubectl get namespace again
	cluster_halt
	check "without a server it says so" says again '(Could not connect|Failed to connect|refused|reset|closed|SSL|stream)'
	cluster_run --node-name cow || return 1
	check "after the API server's restart it goes on" ends
	check "restart: whole" whole again
	run again
	check "and then there is nothing to write" is again '.done and .created + .changed + .unchanged + .deleted == 0'
}

# A Namespace is taken away: one of a component that is ready long since, one whose gate waits, one that
# is being filled. What was in it comes again, its hooks too.
vanished() {
	local d=$work/src-van
	mkdir -p "$d/calm"
	printf '%s\n' 'kiln: 1' 'description: ready before' 'namespace: calm' 'sources: [{manifests: [m.yaml]}]' >"$d/calm/component.yaml"
	echo '{apiVersion: v1, kind: ConfigMap, metadata: {name: a, namespace: calm}}' >"$d/calm/m.yaml"
	bundle van b '' calm || return 1
	uid() { kubectl get namespace "$1" -o jsonpath='{.metadata.uid}'; }
	cluster_scenario <<<"pods: [{match: '^van/web', action: unready}]"
	begin van
	check "its gate waits" says van 'gate deployment-available: web'
	check "the other component is ready" is van '.components.calm.state == "ready"'
	calm=$(uid calm) van=$(uid van)
	kubectl delete namespace calm van >/dev/null
	again() { [ -n "$(uid van)" ] && [ "$(uid van)" != "$van" ]; }
	check "behind a closed gate it is made again" cluster_wait 60 again
	cluster_scenario <<<"http: [{path: '/configmaps/c[0-9]', agent: kiln-node, method: PATCH, delay: 300ms}]"
	filled() { [ "$(kubectl -n van get cm -o name | grep -c /c)" -ge 9 ]; }
	check "it is being filled" cluster_wait 60 filled
	van=$(uid van)
	kubectl delete namespace van >/dev/null
	check "filled to the end" ends
	check "made again once more" again
	check "before the end all is looked at" test "$(uid calm)" != "$calm"
	check "with what was in it" kubectl -n calm get cm a
	check "Namespaces: whole" whole van
	run van
	check "and nothing is left to write" is van '.done and .created + .changed + .unchanged + .deleted == 0'
}

# A datastore made anew under the same CA: this machine's journal is another cluster's.
renewed() {
	bundle renewed || return 1
	check "in the cluster before" run renewed
	cluster_halt
	rm -rf "$CLUSTER_DIR/data/server/db"
	cluster_run --node-name cow && cluster_nodes cow sheep >/dev/null || return 1
	check "in the new one" run renewed
	check "all is made, by no word of the old journal" is renewed '.done and .created >= 69 and .unchanged + .changed == 0'
	check "new datastore: whole" whole renewed
	run renewed
	check "the journal is the new one's" is renewed '.done and .created + .changed + .unchanged + .deleted == 0'
}

cluster_start --node-name cow || exit 1
trap at_exit EXIT
t=$SECONDS
for case in ${ONLY:-before_cni nodes undisturbed late_crd bursts cut_off busy webhook terminating conflict immutable image etcd certificates vanished restart renewed}; do
	t0=$SECONDS
	if [ "$case" = nodes ]; then
		cluster_nodes cow sheep >/dev/null || exit 1
		continue
	fi
	"$case" || {
		echo "FAIL $case was not begun"
		failed=$((failed + 1))
	}
	if [ -n "${tool_pid:-}" ]; then kill -9 "$tool_pid" 2>/dev/null; fi
	tool_pid=
	cluster_scenario </dev/null
	echo "# $case: $((SECONDS - t0)) s"
done
echo "trouble: $((SECONDS - t)) s"
echo "$passed passed, $failed failed, 0 skipped"
[ "$failed" = 0 ]
