#!/bin/bash
# Three servers over one etcd, and an agent's balancer when the first of them is lost; in a network namespace of
# its own, where each server has an address and all have the same port, as on three machines
set -u
here=$(cd "$(dirname "$0")" && pwd)
. "$here/lib.sh"
. "$here/tap.sh"
if [ -z "${KILN_IN_NETNS:-}" ]; then
	cluster_bin || exit 1
	if ! unshare -rn true 2>/dev/null; then
		t_skip 14 'no network namespace may be made here'
		t_done
		exit
	fi
	KILN_IN_NETNS=1 exec unshare -rn bash "$0"
fi
is() { [ "$1" = "$2" ] || { echo "'$1' is not '$2'"; return 1; }; }
ip link set lo up
for n in 1 2 3 4; do
	ip addr add 10.99.0.$n/32 dev lo && ip -6 addr add fd99::$n/128 dev lo nodad || exit 1
done

CLUSTER_BIND=10.99.0.1 CLUSTER_AGENT=1 cluster_start --node-name cow --node-ip 10.99.0.1,fd99::1 --cluster-init || exit 1

server() { # NAME NUMBER OPTION... - a further server; sets server_pid; its kubeconfig is NAME.yaml
	local name=$1 n=$2
	shift 2
	TESTK3S_NO_FSYNC=1 TESTK3S_NODE_DIR=$CLUSTER_DIR/$name.node "$CLUSTER_BIN/testk3s" server --config "$CLUSTER_DIR/config.yaml" \
		--data-dir "$CLUSTER_DIR/$name.data" --https-listen-port "$CLUSTER_PORT" --bind-address "10.99.0.$n" \
		--apiserver-port $((CLUSTER_PORT + n)) --node-ip "10.99.0.$n,fd99::$n" --node-name "$name" \
		--write-kubeconfig "$CLUSTER_DIR/$name.yaml" --server "$CLUSTER_URL" \
		--token "$(cat "$CLUSTER_DIR/data/server/token")" "$@" >"$CLUSTER_DIR/$name.log" 2>&1 </dev/null &
	server_pid=$!
}
up() { cluster_wait 60 grep -q 'up and running' "$CLUSTER_DIR/$1.log" && sed -i "s/127.0.0.1:/10.99.0.$2:/" "$CLUSTER_DIR/$1.yaml"; }
holder() { kubectl get lease -n kube-system kube-controller-manager -o jsonpath='{.spec.holderIdentity}'; }
cluster_wait 20 eval '[ -n "$(holder)" ]'
before=$(holder)

server sheep 2 --cluster-domain other.example
ended() { ! kill -0 $server_pid; }
cluster_wait 60 ended || kill $server_pid
wait $server_pid
t_has 'a server that differs in a critical option is refused' 'critical configuration mismatched: ClusterDomain' cat "$CLUSTER_DIR/sheep.log"
server sheep 2
CLUSTER_AGENTS=$server_pid
t 'a second server joins' up sheep 2
t 'it has the same server CA' cmp "$CLUSTER_DIR/data/server/tls/server-ca.crt" "$CLUSTER_DIR/sheep.data/server/tls/server-ca.crt"
kubectl create configmap both --from-literal=a=b >/dev/null
t 'it sees what the first wrote' is "$(KUBECONFIG=$CLUSTER_DIR/sheep.yaml kubectl get configmap both -o jsonpath='{.data.a}')" b
t 'its Node appears' cluster_wait 20 kubectl get node sheep
t "the first one's controller manager still leads" is "$(holder)" "$before"
server goat 3
CLUSTER_AGENTS="$CLUSTER_AGENTS $server_pid"
t 'a third joins' up goat 3
listed() { is "$(curl -sk -u "node:$(sed 's/.*://' "$CLUSTER_DIR/data/server/token")" "$CLUSTER_URL/v1-k3s/apiservers" | jq -c sort)" \
	"[\"10.99.0.1:$CLUSTER_PORT\",\"10.99.0.2:$CLUSTER_PORT\",\"10.99.0.3:$CLUSTER_PORT\"]"; }
t '/v1-k3s/apiservers lists all three' cluster_wait 60 listed

# an agent that knows the first server only; then that one is lost
cluster_agent duck --node-ip 10.99.0.4,fd99::4
t 'an agent joins by the first' cluster_wait 30 grep -q 'Node duck registered' "$CLUSTER_DIR/duck.log"
export KUBECONFIG=$CLUSTER_DIR/duck/data/agent/kubelet.kubeconfig
t 'its balancer leads to a server' cluster_wait 10 kubectl get node duck
kill -9 "$CLUSTER_PID"
wait "$CLUSTER_PID" 2>/dev/null
CLUSTER_PID=
lease() { KUBECONFIG=$CLUSTER_DIR/sheep.yaml kubectl get lease -n kube-node-lease duck -o jsonpath='{.spec.renewTime}'; }
t_not 'the first is gone' curl -sk --max-time 5 "$CLUSTER_URL/ping"
t 'its balancer finds another, in the same place' cluster_wait 60 kubectl get node duck
t_has 'that place is still' "https://127.0.0.1:$CLUSTER_LB" cat "$KUBECONFIG"
at=$(cluster_wait 60 lease; lease)
renewed() { now=$(lease) && [ -n "$now" ] && [ "$now" != "$at" ]; }
t "the agent's own heartbeat goes on" cluster_wait 60 renewed
export KUBECONFIG=$CLUSTER_DIR/goat.yaml
write() { kubectl create configmap after -n default --from-literal=a=b --dry-run=client -o yaml | kubectl apply -f -; }
t 'with one of three lost the other two take writes' cluster_wait 60 write
t 'and show what was written before' is "$(kubectl get configmap both -n default -o jsonpath='{.data.a}')" b
took_over() { h=$(holder) && [ -n "$h" ] && [ "$h" != "$before" ]; }
t 'and another controller manager leads' cluster_wait 60 took_over
t_done
