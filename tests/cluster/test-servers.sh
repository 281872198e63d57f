#!/bin/bash
# Three servers over one etcd, and an agent's balancer when the first of them is lost. Each is a machine: a network
# namespace with an address of its own, joined by a bridge, so that K3s' ports are K3s' own.
set -u
here=$(cd "$(dirname "$0")" && pwd)
. "$here/lib.sh"
. "$here/tap.sh"
if [ -z "${KILN_IN_NETNS:-}" ]; then
	cluster_bin || exit 1
	if ! unshare -rn sh -c 'ip link add lan type bridge && ip link add end0 type veth peer name end1' 2>/dev/null; then
		t_skip 20 'no network namespace with a bridge may be made here'
		t_done
		exit
	fi
	KILN_IN_NETNS=1 exec unshare -rn bash "$0"
fi
is() { [ "$1" = "$2" ] || { echo "'$1' is not '$2'"; return 1; }; }
declare -A machine_pid

machine() { # NAME NUMBER - a machine at 10.99.0.NUMBER and fd99::NUMBER
	unshare -n sleep 3600 &
	machine_pid[$1]=$!
	CLUSTER_LISTENERS="${CLUSTER_LISTENERS:-} $!"
	cluster_apart $! && ip link add "$1" type veth peer name eth0 netns $! && ip link set "$1" master lan up &&
		at "$1" ip link set lo up && at "$1" ip addr add "10.99.0.$2/24" dev eth0 &&
		at "$1" ip -6 addr add "fd99::$2/64" dev eth0 nodad && at "$1" ip link set eth0 up
}
at() { # NAME COMMAND...
	local pid=${machine_pid[$1]}
	shift
	nsenter -t "$pid" -n "$@"
}
server() { # NAME NUMBER OPTION... - a further server, all ports K3s' own; its kubeconfig is NAME.yaml
	local name=$1 n=$2
	shift 2
	TESTK3S_NO_FSYNC=1 TESTK3S_NODE_DIR=$CLUSTER_DIR/$name.node nsenter -t "${machine_pid[$name]}" -n \
		"$CLUSTER_BIN/testk3s" server --config "$CLUSTER_DIR/config.yaml" --data-dir "$CLUSTER_DIR/$name.data" --bind-address "10.99.0.$n" \
		--node-ip "10.99.0.$n,fd99::$n" --node-name "$name" --write-kubeconfig "$CLUSTER_DIR/$name.yaml" \
		--server "$CLUSTER_URL" --token "$(cat "$CLUSTER_DIR/data/server/token")" "$@" \
		>"$CLUSTER_DIR/$name.log" 2>&1 </dev/null &
	server_pid=$!
}
ended() { ! kill -0 "$server_pid"; }
up() { # NAME - fails at once when the server is gone
	came() { grep -q 'up and running' "$CLUSTER_DIR/$1.log" || ended; }
	cluster_wait 60 came "$1"
	grep -q 'up and running' "$CLUSTER_DIR/$1.log" || { grep level= "$CLUSTER_DIR/$1.log"; return 1; }
}
on() { KUBECONFIG=$CLUSTER_DIR/$1.yaml kubectl "${@:2}"; }
holder() { kubectl get lease -n kube-system kube-controller-manager -o jsonpath='{.spec.holderIdentity}'; }
members() { # the members of etcd, voters and learners, as the first server's etcd lists them
	local tls=$CLUSTER_DIR/data/server/tls/etcd
	curl -s --cacert "$tls/server-ca.crt" --cert "$tls/client.crt" --key "$tls/client.key" -X POST -d '{}' \
		https://10.99.0.1:2379/v3/cluster/member/list | jq -c '[.members[] | [.name, .isLearner // false]] | sort'
}

ip link set lo up && ip link add lan type bridge && ip addr add 10.99.0.1/24 dev lan &&
	ip -6 addr add fd99::1/64 dev lan nodad && ip link set lan up || exit 1
CLUSTER_BIND=10.99.0.1
cluster_prepare || exit 1
for n in 2:sheep 3:goat 4:duck; do machine "${n#*:}" "${n%:*}" || exit 1; done
CLUSTER_RESERVED="${CLUSTER_RESERVED:-} $CLUSTER_PORT"
CLUSTER_PORT=6443 CLUSTER_URL=https://10.99.0.1:6443
CLUSTER_AGENT=1 cluster_run --node-name cow --node-ip 10.99.0.1,fd99::1 --cluster-init || exit 1
first=$CLUSTER_PID
t_has 'k3s.yaml names the bind address' 'server: https://10.99.0.1:6443' cat "$KUBECONFIG"
t "the first server's own agent finds it there" cluster_wait 20 kubectl get node cow
has_holder() { [ -n "$(holder)" ]; }
cluster_wait 20 has_holder
before=$(holder)

server sheep 2 --cluster-domain other.example
cluster_wait 60 ended || kill "$server_pid"
wait "$server_pid"
t_has 'a server that differs in a critical option is refused' 'critical configuration mismatched: ClusterDomain' cat "$CLUSTER_DIR/sheep.log"
server sheep 2
CLUSTER_AGENTS=$server_pid
t 'a second server joins' up sheep
t 'it has the same server CA' cmp "$CLUSTER_DIR/data/server/tls/server-ca.crt" "$CLUSTER_DIR/sheep.data/server/tls/server-ca.crt"
kubectl create configmap both --from-literal=a=b >/dev/null
t 'it sees what the first wrote' is "$(on sheep get configmap both -o jsonpath='{.data.a}')" b
t 'its Node appears' cluster_wait 20 kubectl get node sheep
t "the first one's controller manager still leads" is "$(holder)" "$before"
server goat 3
CLUSTER_AGENTS="$CLUSTER_AGENTS $server_pid"
t 'a third joins' up goat
t 'etcd has three members, and all of them vote' is "$(members)" '[["cow",false],["goat",false],["sheep",false]]'
listed() { is "$(curl -sk -u "node:$(sed 's/.*://' "$CLUSTER_DIR/data/server/token")" "$CLUSTER_URL/v1-k3s/apiservers" | jq -c sort)" \
	'["10.99.0.1:6443","10.99.0.2:6443","10.99.0.3:6443"]'; }
t '/v1-k3s/apiservers lists all three' cluster_wait 60 listed

# an agent that knows the first server only; then that one is lost
mkdir -p "$CLUSTER_DIR/duck"
TESTK3S_NODE_DIR=$CLUSTER_DIR/duck/node nsenter -t "${machine_pid[duck]}" -n \
	"$CLUSTER_BIN/testk3s-agent" agent --config "$CLUSTER_DIR/duck/config.yaml" --data-dir "$CLUSTER_DIR/duck/data" --node-name duck --node-ip 10.99.0.4,fd99::4 --server "$CLUSTER_URL" \
	--token "$(cat "$CLUSTER_DIR/data/server/node-token")" >"$CLUSTER_DIR/duck.log" 2>&1 </dev/null &
CLUSTER_AGENTS="$CLUSTER_AGENTS $!"
t 'an agent joins by the first' cluster_wait 30 grep -q 'Node duck registered' "$CLUSTER_DIR/duck.log"
duck=$CLUSTER_DIR/duck/data/agent/kubelet.kubeconfig
t_has 'its balancer is 127.0.0.1:6444' 'server: https://127.0.0.1:6444' cat "$duck"
itself() { at duck env KUBECONFIG="$duck" "$CLUSTER_BIN/testk3s" kubectl get node duck; }
t 'which leads to a server' cluster_wait 10 itself
kill -9 "$first"
wait "$first" 2>/dev/null
CLUSTER_PID=
t_not 'the first is gone' curl -sk --max-time 5 "$CLUSTER_URL/ping"
t 'the balancer finds another, in the same place' cluster_wait 60 itself
lease() { on sheep get lease -n kube-node-lease duck -o jsonpath='{.spec.renewTime}'; }
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
