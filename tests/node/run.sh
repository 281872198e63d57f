#!/usr/bin/env bash
# kiln-node run from power-on to a joined node against testk3s (the real API server), in a
# network namespace with the node's own addresses. systemctl is played: there is no systemd
# below, and the unit's process is the very K3s that this script has started.
set -u
cd "$(dirname "$0")/../.." || exit 1
# shellcheck source=tests/cluster/lib.sh
. tests/cluster/lib.sh
agent=${KILN_NODE:?} passed=0 failed=0
work=$(mktemp -d "${TMPDIR:-/tmp}/kiln-node.XXXXXX")
pids=
at_exit() {
	local p
	for p in $pids; do kill "$p" 2>/dev/null; done
	cluster_stop
	rm -rf "$work"
}
trap at_exit EXIT

ok() { passed=$((passed + 1)); }
fail() {
	echo "FAIL $*"
	failed=$((failed + 1))
}
check() { # NAME COMMAND...
	local name=$1
	shift
	if "$@" >"$work/out" 2>&1; then ok; else fail "$name: $(head -c 400 "$work/out")"; fi
}

network() {
	ip link set lo up
	ip link add end0 type veth peer name switch0
	ip link set end0 up
	ip link set switch0 up
	sysctl -qw net.ipv4.ip_forward=1
	ip addr add 192.168.14.3/26 dev end0
	ip -6 addr add fd12:3456:789a:14:3161:c474:a553:4ea1/64 dev end0 nodad
	ip addr add 192.168.14.4/26 dev end0
	ip -6 addr add fd12:3456:789a:14:3161:c474:a553:4ea2/64 dev end0 nodad
	ip addr add 192.168.14.5/26 dev end0
	ip -6 addr add fd12:3456:789a:14:3161:c474:a553:4ea3/64 dev end0 nodad
	ip route add default via 192.168.14.1 dev end0
	ip -6 route add default via fd12:3456:789a:14::1 dev end0
}

systemctl_shim() {
	mkdir -p "$work/bin"
	cat >"$work/bin/systemctl" <<-'S'
	#!/bin/sh
	case $1 in
	show) echo "${UNIT_STATE:-active}" ;;
	start) echo "$@" >>"$UNIT_LOG" ;;
	esac
	S
	chmod +x "$work/bin/systemctl"
	export PATH=$work/bin:$PATH UNIT_LOG=$work/units
	: >"$UNIT_LOG"
}

# root NAME: a root folder with the node's golden node.json, less what this kernel lacks
root() {
	local r=$work/$1 data
	mkdir -p "$r/etc/kiln" "$r/etc/rancher/k3s" "$r/var/lib" "$r/run"
	ln -s /proc "$r/proc"
	ln -s /sys "$r/sys"
	ln -s "$CLUSTER_DIR" "$r/cluster"
	echo 'nameserver 192.168.14.1' >"$r/etc/resolv.conf"
	[ "$1" = cow ] && data=/cluster/data || data=/cluster/$1/data
	jq --arg data "$data" --arg url "$CLUSTER_URL" --argjson now "$(date +%s)" '
		.host.modules = [] | .host.cgroups = [] | .host.sysctls = {"net.ipv4.ip_forward": "1"}
		| .node.ntp = [] | .clock_floor = ($now - 60) | .k3s.data_dir = $data | .bundle = null
		| .storage.ceph = null
		| if .k3s.server then .k3s.server = $url else . end' \
		"tests/golden/plan/home/$1/etc/kiln/node.json" >"$r/etc/kiln/node.json"
	cp "$CLUSTER_DIR/data/server/token" "$r/etc/rancher/k3s/token"
}

start_agent() { # NAME; sets agent_pid
	KILN_ROOT=$work/$1 KILN_CONSOLE=$work/$1.console "$agent" run >"$work/$1.log" 2>&1 &
	agent_pid=$!
	pids="$pids $agent_pid"
}

stop_agent() {
	kill "$agent_pid" 2>/dev/null
	wait "$agent_pid" 2>/dev/null
}

# wait_status NAME JQ-CONDITION SECONDS
wait_status() {
	local n
	for ((n = 0; n < $3 * 5 * CLUSTER_PATIENCE; n++)); do
		if jq -e "$2" "$work/$1/run/kiln/status.json" >/dev/null 2>&1; then return 0; fi
		sleep 0.2
	done
	echo "status of $1: $(jq -c '[.phase, (.steps[]|select(.state!="done")|{name,state,reason})]' "$work/$1/run/kiln/status.json" 2>&1)"
	tail -n 3 "$work/$1.log"
	return 1
}

# reported NAME: the node's own status.json is in its ConfigMap
reported() {
	local n
	for ((n = 0; n < 100 * CLUSTER_PATIENCE; n++)); do
		if kubectl -n kiln-system get cm "status-$1" -o json | jq -r '.data["status.json"]' |
			jq -e --arg n "$1" '.node == $n' >/dev/null; then
			return 0
		fi
		sleep 0.3
	done
	return 1
}

# has_role NAME ROLE: the label is there, or comes within the labels step's period
has_role() {
	local n
	for ((n = 0; n < 300 * CLUSTER_PATIENCE; n++)); do
		if kubectl get node "$1" -o json |
			jq -e --arg r "node-role.kubernetes.io/$2" '.metadata.labels[$r] == "true"' >/dev/null; then
			return 0
		fi
		sleep 0.3
	done
	return 1
}

may_not_write() { # NODE CONFIGMAP
	! kubectl auth can-i patch "cm/$2" -n kiln-system --as "system:node:$1" --as-group system:nodes
}

control_plane() {
	root cow
	start_agent cow
	check "cow waits while K3s has not started" wait_status cow '.steps[]|select(.name=="k3s")|.state=="waiting"' 20
	cp "$KUBECONFIG" "$work/cow/etc/rancher/k3s/k3s.yaml"
	check "cow becomes ready" wait_status cow '.phase=="ready"' 60
	check "status in the cluster" reported cow
	check "role of cow" has_role cow control-plane
	check "status command" sh -c "KILN_STATUS=$work/cow/run/kiln/status.json $agent status | grep -q '^k3s  *done'"
	cow_pid=$agent_pid
}

worker() {
	cluster_agent sheep --node-ip 192.168.14.4,fd12:3456:789a:14:3161:c474:a553:4ea2 --lb-server-port 6444
	root sheep
	start_agent sheep
	check "sheep becomes ready with the kubelet's identity" wait_status sheep '.phase=="ready"' 90
	check "sheep's own status arrives" reported sheep
	check "the kubelet may not write another node's status" may_not_write sheep status-cow
	check "role of sheep is set by the control-plane" has_role sheep worker
	stop_agent
}

wrong_inputs() {
	root duck
	sed -i 's/^K10......../K10deadbeef/' "$work/duck/etc/rancher/k3s/token"
	start_agent duck
	check "a wrong CA stops it, before anything is started" wait_status duck '.steps[]|select(.name=="k3s")|.state=="failed" and (.reason|contains("another CA"))' 60
	stop_agent
	: >"$work/duck/etc/rancher/k3s/token"
	start_agent duck
	check "an empty token is refused" wait_status duck '.steps[]|select(.name=="k3s")|.state=="failed" and (.reason|contains("no full K10 token"))' 30
	stop_agent
	check "no unit was started meanwhile" test ! -s "$UNIT_LOG"
	rm "$work/duck/etc/kiln/node.json"
	check "no seed" sh -c "KILN_ROOT=$work/duck $agent run 2>&1 | grep -q 'no seed was imported'"
}

figures() {
	local rss cpu0 cpu1
	rss=$(awk '/^Private/ {s += $2} END {print s}' "/proc/$cow_pid/smaps_rollup")
	cpu0=$(awk '{print $14 + $15}' "/proc/$cow_pid/stat")
	sleep 20
	cpu1=$(awk '{print $14 + $15}' "/proc/$cow_pid/stat")
	echo "kiln-node: private memory $rss KiB, $((cpu1 - cpu0)) ticks of 10 ms in 20 s idle, binary $(stat -c %s "$agent") bytes"
	check "private memory below 16 MiB" test "$rss" -lt 16384
	check "idle CPU at most 0.5 % with a report every 15 s" test $((cpu1 - cpu0)) -le 10
}

network
systemctl_shim
CLUSTER_AGENT=1 cluster_start --node-name cow --node-ip 192.168.14.3,fd12:3456:789a:14:3161:c474:a553:4ea1 || exit 1
control_plane
worker
wrong_inputs
figures
echo "$passed passed, $failed failed, 0 skipped"
[ "$failed" = 0 ]
