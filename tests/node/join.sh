# shellcheck shell=bash
# Several control-planes: which of them founds the cluster, who joins whom, in which order.
# shellcheck disable=SC2154

# A control-plane `bull` that answers at ADDRESS:6443 with the K3s of this test.
stand_in() { # ADDRESS; sets stand_in_pid
	socat "TCP-LISTEN:6443,bind=$1,fork,reuseaddr" "TCP:127.0.0.1:$CLUSTER_PORT" &
	stand_in_pid=$!
	pids="$pids $stand_in_pid"
}
peer() { # NAME ADDRESS
	echo ".peers += [{name: \"$1\", role: \"control-plane\", addresses: [\"$2/26\"], mac: null, on_demand: false, labels: {}, taints: []}]"
}
# fresh NAME JQ: a root whose K3s has no data, but the seed's CA
fresh() {
	root "$1" ".k3s.data_dir = \"/own\" | $2" cow
	mkdir -p "$work/$1/own/server/tls"
	cp "$CLUSTER_DIR/data/server/tls/server-ca.crt" "$work/$1/own/server/tls/"
}
drop_in=etc/rancher/k3s/config.yaml.d/50-kiln-join.yaml

first_control_plane() {
	local agents=
	: >"$UNIT_LOG"
	echo inactive >"$work/inactive"
	# imaged anew: bull has the cluster
	fresh anew "$(peer bull 192.168.14.4)"
	# all others up and without K3s; one that is off; the only one
	fresh refusing "$(peer bull 192.168.14.5)"
	fresh silent "$(peer bull 192.168.14.9) | $(peer goat 192.168.14.5)"
	fresh alone .
	# its data is there: nobody is asked
	fresh member "$(peer bull 192.168.14.9)"
	mkdir -p "$work/member/own/server/db/etcd/member"
	for n in anew refusing silent alone member; do
		UNIT_LOG=$work/units-$n UNIT_STATE_FILE=$work/inactive start_agent "$n"
		agents="$agents $agent_pid"
	done
	check "imaged anew: it joins" cluster_wait 30 grep -qx 'server: "https://192.168.14.4:6443"' "$work/anew/$drop_in"
	check "imaged anew: it founds nothing" grep -qx 'cluster-init: false' "$work/anew/$drop_in"
	check "imaged anew: K3s is started then" cluster_wait 30 grep -q k3s "$work/units-anew"
	check "imaged anew: in the journal" grep -q 'k3s join https://192.168.14.4:6443' "$work/anew/var/lib/kiln/journal"
	check "others without K3s: not at once" state refusing k3s waiting 'founded when that has been so for 180 s' 30
	check "others without K3s: nothing is started" test ! -e "$work/units-refusing"
	check "another is off: it is named" state silent k3s waiting 'control-plane bull (https://192.168.14.9:6443) does not answer' 30
	check "another is off: nothing is started" test ! -e "$work/units-silent"
	check "the only one founds it" cluster_wait 30 grep -q k3s "$work/units-alone"
	check "the only one has no drop-in" test ! -e "$work/alone/$drop_in"
	check "with data it starts, though the other is off" cluster_wait 30 grep -q k3s "$work/units-member"
	touch "$work/silent/var/lib/kiln/found-cluster"
	check "a person may say that there is none" cluster_wait 60 grep -q k3s "$work/units-silent"
	check "that word counts once" test ! -e "$work/silent/var/lib/kiln/found-cluster"
	for n in $agents; do stop_agent "$n"; done
}

# Others: the seed's server is away, another one answers; and the order of names.
further_control_planes() {
	local agents='' to_join='.node.init = false | .node.name = "hen" | .k3s.server = "https://192.168.14.9:6443"'
	fresh further "$to_join | .peers = [] | $(peer bull 192.168.14.4)"
	fresh turn "$to_join | .peers = [] | .k3s.server = \"$CLUSTER_URL\" | $(peer bull 192.168.14.9)"
	fresh later "$to_join | .peers = [] | .k3s.server = \"$CLUSTER_URL\" | $(peer zebra 192.168.14.9)"
	root worker '.k3s.server = "https://192.168.14.9:6443" | .peers = [] | '"$(peer bull 192.168.14.4)" duck
	for n in further turn later worker; do
		UNIT_LOG=$work/units-$n UNIT_STATE_FILE=$work/inactive start_agent "$n"
		agents="$agents $agent_pid"
	done
	check "its server is away: it joins another" cluster_wait 60 grep -qx 'server: "https://192.168.14.4:6443"' "$work/further/$drop_in"
	check "it keeps the rest of its configuration" test "$(grep -c cluster-init "$work/further/$drop_in")" = 0
	check "K3s is started" cluster_wait 30 grep -q k3s "$work/units-further"
	check "it waits for those before it" state turn k3s waiting 'join one after another: bull comes before this one' 30
	check "meanwhile nothing is started" test ! -e "$work/units-turn"
	check "but not for those behind it" cluster_wait 30 grep -q k3s "$work/units-later"
	check "a worker joins by another one too" cluster_wait 60 grep -qx 'server: "https://192.168.14.4:6443"' "$work/worker/$drop_in"
	for n in $agents; do stop_agent "$n"; done
}

# The drop-in before K3s' own reading: a server with cluster-init of its seed joins by it.
drop_in_joins() {
	local port d=$CLUSTER_DIR/anew
	port=$(cluster_port)
	CLUSTER_RESERVED="${CLUSTER_RESERVED:-} $port"
	mkdir -p "$d/config.yaml.d"
	{ echo 'cluster-init: true'; cat "$CLUSTER_DIR/config.yaml"; } >"$d/config.yaml"
	cp "$work/anew/$drop_in" "$d/config.yaml.d/"
	TESTK3S_NO_FSYNC=1 TESTK3S_NODE_DIR=$d/node "$CLUSTER_BIN/testk3s" server --config "$d/config.yaml" \
		--data-dir "$d/data" --https-listen-port "$port" --bind-address 127.0.0.1 --write-kubeconfig "$d/k3s.yaml" \
		--disable-agent --node-ip 192.168.14.3,fd12:3456:789a:14:3161:c474:a553:4ea1 --token "$(cat "$CLUSTER_DIR/data/server/token")" --node-name cow2 >"$d/log" 2>&1 </dev/null &
	CLUSTER_AGENTS="${CLUSTER_AGENTS:-} $!"
	local second=$!
	check "K3s joins by the drop-in, whatever config.yaml says" cluster_wait 90 grep -q 'k3s is up and running' "$d/log"
	kubectl -n default create configmap both --from-literal=a=b >/dev/null
	check "it is one cluster" cluster_wait 30 env KUBECONFIG="$d/k3s.yaml" "$CLUSTER_BIN/testk3s" kubectl -n default get configmap both
	check "of two members" sh -c "env KUBECONFIG=$d/k3s.yaml $CLUSTER_BIN/testk3s kubectl get --raw '/api/v1/namespaces/kube-system' | grep -q '$(kubectl get ns kube-system -o jsonpath='{.metadata.uid}')'"
	kill "$second" 2>/dev/null
}
