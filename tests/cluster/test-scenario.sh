#!/bin/bash
# Each trouble of scenarios.md, switched on and off while the server runs
set -u
here=$(cd "$(dirname "$0")" && pwd)
. "$here/lib.sh"
. "$here/tap.sh"

is() { [ "$1" = "$2" ] || { echo "'$1' is not '$2'"; return 1; }; }
get() { kubectl get "$1" "$2" -o jsonpath="$3"; }
shows() { [ "$(get "$1" "$2" "$3")" = "$4" ] || { get "$1" "$2" "$3"; return 1; }; }
soon() { cluster_wait 20 shows "$@"; }
ready='{.status.conditions[?(@.type=="Ready")].status}'
waiting='{.status.containerStatuses[0].state.waiting.reason}'
url() { curl -s -o /dev/null -w '%{http_code}' --max-time 100 --cacert "$ca" --cert "$crt" --key "$key" "$@" "$CLUSTER_URL$path"; }

cluster_start || exit 1
cluster_nodes cow >/dev/null || exit 1
tls=$CLUSTER_DIR/data/server/tls
ca=$tls/server-ca.crt crt=$tls/client-supervisor.crt key=$tls/client-supervisor.key
cluster_wait 20 kubectl get serviceaccount default || exit 1

pod() {
	kubectl apply -f - >/dev/null <<EOF
apiVersion: v1
kind: Pod
metadata: {name: $1, labels: {app: $1}}
spec: {containers: [{name: c, image: "example.org/$1:1"}]}
EOF
}
job() { # one that is given up when its pod fails
	kubectl create job "$1" --image=example.org/job:1 --dry-run=client -o yaml |
		kubectl patch -f - --local -o yaml -p '{"spec":{"backoffLimit":0}}' | kubectl create -f - >/dev/null
}
job_is() { cluster_wait 20 kubectl wait --for="condition=$2" "job/$1" --timeout=1s; }

# pods
cluster_scenario <<'EOF'
pods:
- {match: '^default/withheld', action: withhold}
- {match: '^default/late', action: ready, delay: 3s}
- {match: '^default/failed', action: fail}
- {match: '^default/crash', action: crash-loop}
- {match: '^default/unready', action: unready}
- {match: '^default/hang', action: hang}
- {match: '^default/bad-', action: fail}
- {match: '^default/kept-', action: withhold}
- {image: 'example.org/noimage', action: no-image}
EOF
for p in plain withheld late failed crash unready noimage; do pod $p; done
job good
job hang
job bad
job kept
t 'a pod becomes Ready' soon pod plain "$ready" True
t 'a Job completes' job_is good Complete
t 'fail: a Job fails' job_is bad Failed
t 'withhold: a Job has no result' shows job kept '{.status.active} {.status.conditions}' '1 '
t 'fail: a pod fails' soon pod failed '{.status.phase}' Failed
t 'crash-loop: CrashLoopBackOff' soon pod crash "$waiting" CrashLoopBackOff
t 'unready: runs but is not Ready' soon pod unready "{.status.phase} $ready" 'Running False'
t 'no-image: ImagePullBackOff' soon pod noimage "$waiting" ImagePullBackOff
t 'delay: Ready later' soon pod late "$ready" True
t 'withhold: stays Pending' shows pod withheld '{.status.phase}' Pending
t_not 'hang: a Job goes on' kubectl wait --for=condition=Complete job/hang --timeout=1s
: | cluster_scenario
t 'without the rule the withheld becomes Ready' soon pod withheld "$ready" True
t 'the crashing recovers' soon pod crash "$ready" True
t 'its image comes' soon pod noimage "$ready" True
t 'the unready becomes Ready' soon pod unready "$ready" True
t 'the Job completes' job_is hang Complete
t 'and the withheld one' job_is kept Complete

# HTTP
path=/api/v1/namespaces/default/pods
cluster_scenario <<EOF
http:
- {path: '^$path', method: GET, status: 429, retryAfter: 2, times: 1}
- {path: '^$path', method: GET, status: 500, times: 1}
- {path: '^$path', method: GET, status: 503, times: 1}
- {path: '^$path', method: GET, cut: 100, times: 1}
- {path: '^$path', method: GET, delay: 2s, times: 1}
EOF
t_has '429 with Retry-After' 'Retry-After: 2' curl -s -i --http1.1 --cacert "$ca" --cert "$crt" --key "$key" "$CLUSTER_URL$path"
t '500' is "$(url)" 500
t '503' is "$(url)" 503
cut_off() { ! curl -s --cacert "$ca" --cert "$crt" --key "$key" "$CLUSTER_URL$path" -o "$CLUSTER_DIR/cut" && is "$(stat -c %s "$CLUSTER_DIR/cut")" 100; }
t 'the connection is cut after 100 bytes' cut_off
slow() { local t0=$SECONDS; is "$(url)" 200 && [ $((SECONDS - t0)) -ge 2 ]; }
t 'an answer is slow' slow
t 'after that all is well' is "$(url)" 200
: | cluster_scenario

# CRDs
kubectl apply -f - >/dev/null <<'EOF'
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: things.kiln.test}
spec:
  group: kiln.test
  scope: Namespaced
  names: {plural: things, singular: thing, kind: Thing}
  versions:
  - name: v1
    served: true
    storage: true
    subresources: {status: {}}
    schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}
EOF
kubectl wait --for=condition=Established crd/things.kiln.test --timeout=20s >/dev/null
path=/apis/kiln.test/v1/namespaces/default/things
served() { [ "$(url)" = 200 ]; }
cluster_wait 10 served || exit 1
echo 'crds: {hold: [things.kiln.test]}' | cluster_scenario
t 'a held CRD is Established' kubectl wait --for=condition=Established crd/things.kiln.test --timeout=5s
t 'and yet answers 404' is "$(url)" 404
named() { kubectl api-resources --cached=false -o name | grep -qx things.kiln.test; }
t_not 'and is in no discovery' named
: | cluster_scenario
t 'until it is let go' is "$(url)" 200
t 'and named again' cluster_wait 20 named

# what absent controllers would set
cluster_scenario <<'EOF'
status:
- {apiVersion: kiln.test/v1, kind: Thing, match: '^default/one$', status: {phase: Ready, ceph: {health: HEALTH_WARN}}}
- {apiVersion: v1, kind: Service, match: '^default/lb$', status: {loadBalancer: {ingress: [{ip: 192.168.14.50}, {ip: "fd12::50"}]}}}
volumes: '^default/'
EOF
kubectl apply -f - >/dev/null <<'EOF'
{apiVersion: kiln.test/v1, kind: Thing, metadata: {name: one, namespace: default}}
---
{apiVersion: kiln.test/v1, kind: Thing, metadata: {name: two, namespace: default}}
---
apiVersion: v1
kind: Service
metadata: {name: lb}
spec: {type: LoadBalancer, ports: [{port: 80}], selector: {app: plain}, ipFamilyPolicy: RequireDualStack}
---
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: claim}
spec: {accessModes: [ReadWriteOnce], storageClassName: rook-ceph-block, resources: {requests: {storage: 1Gi}}}
EOF
t "a custom resource's status" soon thing one '{.status.phase} {.status.ceph.health}' 'Ready HEALTH_WARN'
t 'of no other' shows thing two '{.status}' ''
t 'load balancer addresses of both families' soon service lb '{.status.loadBalancer.ingress[*].ip}' '192.168.14.50 fd12::50'
t 'a claim is bound' soon pvc claim '{.status.phase}' Bound

# a namespace that does not end
kubectl create namespace stuck >/dev/null
echo 'namespaces: [stuck]' | cluster_scenario
t 'finalizers are filled' soon namespace stuck '{.spec.finalizers}' '["kubernetes","kiln.test/hold"]'
kubectl delete namespace stuck --wait=false >/dev/null
# the controller has done its part when only the foreign finalizer is left
t 'the namespace hangs in Terminating' soon namespace stuck '{.status.phase} {.spec.finalizers}' 'Terminating ["kiln.test/hold"]'
: | cluster_scenario
gone() { ! kubectl get namespace stuck; }
t 'and ends when they are cleared' cluster_wait 20 gone

# certificates
path=/readyz
echo 'certs: {serving: expired, admin: expired}' | cluster_scenario
t_has 'an expired serving certificate' 'certificate has expired' curl -sS --max-time 100 --cacert "$ca" "$CLUSTER_URL/ping"
: | cluster_scenario
t 'and a new one' is "$(curl -s --cacert "$ca" "$CLUSTER_URL/ping")" pong
echo 'certs: {admin: expired}' | cluster_scenario
admin() { kubectl get ns; }
t_not 'an expired certificate in k3s.yaml' admin
: | cluster_scenario
t 'and a new one again' admin
echo 'certs: {kubelet: expired}' | cluster_scenario
cluster_agent duck --node-ip 127.0.0.2,fd00::2
t 'an agent with an expired certificate is not let in' cluster_wait 20 grep -q 'Waiting for API server.*401' "$CLUSTER_DIR/duck.log"
t_not 'its Node does not appear' kubectl get node duck
cluster_agents_end
: | cluster_scenario

# images of a Node
images=$CLUSTER_DIR/duck/data/agent/images
mkdir -p "$images"
for n in cilium/cilium:v1 example/kept:v1; do
	printf '[{"Config":"c","RepoTags":["quay.io/%s"],"Layers":[]}]' "$n" >"$CLUSTER_DIR/manifest.json"
	tar -C "$CLUSTER_DIR" -cf "$images/${n%%/*}.tar" manifest.json
done
has_images() { [ "$(get node duck '{.status.images[*].names[0]}' | xargs -n1 | sort | xargs)" = "$1" ]; }
cluster_agent duck --node-ip 127.0.0.2,fd00::2
t 'a Node names its images' cluster_wait 20 has_images 'quay.io/cilium/cilium:v1 quay.io/example/kept:v1'
echo 'images: {hide: [cilium/cilium]}' | cluster_scenario
t 'a hidden image goes from the Node, and no other' cluster_wait 20 has_images quay.io/example/kept:v1
t 'although its archive is there' test -s "$images/cilium.tar"
: | cluster_scenario
t 'and comes back' cluster_wait 20 has_images 'quay.io/cilium/cilium:v1 quay.io/example/kept:v1'
cluster_agents_end

# etcd
echo 'etcd: stopped' | cluster_scenario
not200() { [ "$(url)" != 200 ]; }
t 'without etcd /readyz is not 200' cluster_wait 30 not200
t_not 'without etcd nothing can be written' timeout 100 "$CLUSTER_BIN/testk3s" kubectl create configmap no --request-timeout=10s
: | cluster_scenario
ok200() { [ "$(url)" = 200 ]; }
t 'with etcd it is again' cluster_wait 30 ok200
t 'and what was written is there' soon pod plain '{.metadata.name}' plain
t_done
