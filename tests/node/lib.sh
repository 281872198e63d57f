# shellcheck shell=bash
# What the parts of suite `node` share: a network, root folders of nodes, agents and their status.
# Sourced by run.sh, in the root of the tree.
# shellcheck source=tests/cluster/lib.sh
. tests/cluster/lib.sh
agent=${KILN_NODE:?} passed=0 failed=0
work=$(mktemp -d "${TMPDIR:-/tmp}/kiln-node.XXXXXX")
# shellcheck disable=SC2034
pids='' stand_in_pid=''
at_exit() {
	local p
	[ "$BASHPID" = "$$" ] || return 0 # a child that is ended before its exec
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

# systemd is played, and so is its journal: there K3s' log stands, $K3S_LOG
systemctl_shim() {
	mkdir -p "$work/bin"
	cat >"$work/bin/systemctl" <<-'S'
	#!/bin/sh
	case $1 in
	show) cat "${UNIT_STATE_FILE:-/nowhere}" 2>/dev/null || echo active ;;
	start | reboot) echo "$@" >>"$UNIT_LOG" ;;
	esac
	S
	# shellcheck disable=SC2016
	printf '#!/bin/sh\ncat "${K3S_LOG:-/dev/null}"\n' >"$work/bin/journalctl"
	chmod +x "$work/bin/systemctl" "$work/bin/journalctl"
	export PATH=$work/bin:$PATH UNIT_LOG=$work/units
	: >"$UNIT_LOG"
}

# root NAME [JQ [NODE]]: a root folder with the golden node.json of NODE (NAME), less what this
# kernel lacks, changed by JQ
root() {
	local r=$work/$1 node=${3:-$1} data=/cluster/$1/data
	[ "$node" != cow ] || data=/cluster/data
	mkdir -p "$r/etc/kiln" "$r/etc/rancher/k3s" "$r/var/lib" "$r/run"
	ln -s /proc "$r/proc"
	ln -s /sys "$r/sys"
	ln -s "$CLUSTER_DIR" "$r/cluster"
	echo 'nameserver 192.168.14.1' >"$r/etc/resolv.conf"
	jq --arg data "$data" --arg url "$CLUSTER_URL" --argjson now "$(date +%s)" '
		.host.modules = [] | .host.cgroups = [] | .host.sysctls = {"net.ipv4.ip_forward": "1"}
		| .node.ntp = [] | .clock_floor = ($now - 60) | .k3s.data_dir = $data | .bundle = null
		| .storage.ceph = null
		| if .k3s.server then .k3s.server = $url else . end | '"${2:-.}" \
		"tests/golden/plan/home/$node/etc/kiln/node.json" >"$r/etc/kiln/node.json"
	cp "$CLUSTER_DIR/data/server/token" "$r/etc/rancher/k3s/token"
}

# cow_root NAME [JQ]: another machine that takes itself for cow, whose K3s runs already
cow_root() {
	root "$1" "${2:-.}" cow
	cp "$KUBECONFIG" "$work/$1/etc/rancher/k3s/k3s.yaml"
}

start_agent() { # NAME; sets agent_pid
	KILN_ROOT=$work/$1 KILN_CONSOLE=$work/$1.console "$agent" run >"$work/$1.log" 2>&1 &
	agent_pid=$!
	pids="$pids $agent_pid"
}

stop_agent() { # [PID], the last one started without
	kill "${1:-$agent_pid}" 2>/dev/null
	wait "${1:-$agent_pid}" 2>/dev/null
}

# fails NAME TEXT: the agent ends by itself, and says TEXT to whoever started it, on the console
# and in status.json
fails() {
	rm -f "$work/$1/run/kiln/status.json"
	: >"$work/$1.console"
	if KILN_ROOT=$work/$1 KILN_CONSOLE=$work/$1.console timeout 60 "$agent" run >"$work/$1.log" 2>&1; then
		echo "it did not fail"
		return 1
	fi
	grep -qF -- "$2" "$work/$1.log" && grep -qF -- "$2" "$work/$1.console" &&
		jq -e --arg t "$2" '.phase == "failed" and (.steps[0].reason | contains($t))' \
			"$work/$1/run/kiln/status.json" >/dev/null && return 0
	cat "$work/$1.log" "$work/$1.console" "$work/$1/run/kiln/status.json"
	return 1
}

# state NAME STEP STATE TEXT SECONDS: the step comes into that state, with TEXT in its reason
state() {
	wait_status "$1" ".steps[] | select(.name == \"$2\") | .state == \"$3\" and ((.reason // \"\") | contains(\"$4\"))" "$5"
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

