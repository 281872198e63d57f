#!/usr/bin/env bash
# The lab of examples/lab as `make demo` shows it, without a terminal: bake, two nodes of two
# architectures on one segment, join by CA-pinned tokens, all components; a worker with another
# cluster's CA refuses; with `full` the power fails on both in the middle of it.
#
# usage: run.sh BUILD-FOLDER default|full
# KILN_QEMU_DEADLINE: seconds for each wait (default 1500: a machine 5 times slower, under load)
set -u
build=$1 what=$2
kiln=$build/kiln real=''
src=$(cd "$(dirname "$0")/../../.." && pwd)
work=${KILN_QEMU_CLUSTER_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/kiln/tests/qemu-cluster}
deadline=${KILN_QEMU_DEADLINE:-1500}
passed=0 failed=0 skipped=0
# shellcheck source=scripts/lab.sh
. "$src/scripts/lab.sh"

ok() { passed=$((passed + 1)) && echo "ok - $1"; }
not_ok() { # name, detail
	failed=$((failed + 1))
	echo "not ok - $1"
	[ -z "${2:-}" ] || printf '%s\n' "$2" | tail -n 30 | sed 's/^/#   /'
}
check() { # name, command...
	local name=$1 out
	shift
	if out=$("$@" 2>&1); then ok "$name"; else not_ok "$name" "$out"; fi
}
has() { # name, text, pattern
	if grep -qE -- "$3" <<<"$2"; then ok "$1"; else not_ok "$1" "no '$3' in: $2"; fi
}
finish() {
	stop
	echo "$passed passed, $failed failed, $skipped skipped"
	[ "$failed" = 0 ]
	exit
}

declare -A run=()
switch=''
start() { # NODE [FOLDER]: power on; its disk stays what it was
	local node=$1 dir=${2:-.}
	rm -f "$node.pid"
	"$kiln" run -f "$dir/cluster.yaml" "$node" --tcg --memory "${memory[$node]}" --segment "$PWD/switch" \
		--serial "$node.console" --pid-file "$node.pid" --overlay "$dir/$node.qcow2" >"$node.log" 2>&1 </dev/null &
	run[$node]=$!
	for _ in $(seq 300); do
		[ -s "$node.pid" ] && return 0
		kill -0 "${run[$node]}" 2>/dev/null || break
		sleep 0.1
	done
	not_ok "$node starts" "$(cat "$node.log")"
	finish
}
cut_power() { # NODE: no warning to anyone
	kill -9 "$(cat "$1.pid")" 2>/dev/null
	wait "${run[$1]}" 2>/dev/null
	unset "run[$1]"
}
stop() {
	for n in "${!run[@]}"; do cut_power "$n"; done
	[ -z "$switch" ] || kill "$switch" 2>/dev/null
	wait 2>/dev/null
	switch=''
	rm -f ./*.qcow2 other/*.qcow2 forwards.json
}
trap stop EXIT
declare -A memory=([hen]=2560MiB [goat]=768MiB)

state() { "$kiln" status --json --forwards forwards.json -i key -f "${1:-.}/cluster.yaml" 2>/dev/null; }
# wait_state FILTER [FOLDER]: until jq says true of `kiln status --json`; the last one is in $seen
wait_state() {
	local end=$((SECONDS + deadline))
	while [ $SECONDS -lt $end ]; do
		seen=$(state "${2:-.}")
		jq -e "$1" <<<"$seen" >/dev/null 2>&1 && return 0
		for n in "${!run[@]}"; do
			kill -0 "${run[$n]}" 2>/dev/null || return 1
		done
		sleep 1
	done
	return 1
}
all_up() { # label
	local out
	if out=$("$kiln" status --watch --forwards forwards.json -i key --timeout "${deadline}s" 2>&1); then
		ok "$1: both nodes and all components are up after $((SECONDS - started)) s"
		grep -v '^\[ *[0-9]* s\].*not heard of' <<<"$out" | tail -n 40 | sed 's/^/#   /'
	else
		not_ok "$1: both nodes and all components are up" "$out
$(for n in hen goat; do echo "console of $n:" && tail -n 12 $n.console | tr -d '\r\033'; done)"
		finish
	fi
}

setup() {
	mkdir -p "$work" && cd "$work" || exit 1
	rm -f ./*.qcow2 forwards.json
	lab_k3s && lab_cluster || {
		not_ok "K3s and cluster.yaml"
		finish
	}
	lab_lock >update.log 2>&1 || [ -f kiln.lock ] || {
		not_ok "kiln update" "$(tail -n 5 update.log)"
		finish
	}
	local t=$SECONDS
	check "bake hen and goat" "$kiln" bake
	# the same node of another cluster: other CAs, tokens, host keys; the same base image
	mkdir -p other
	cp -r cluster.yaml kiln.lock net store web k3s k3s-arm64 other/
	[ -d other/.kiln/secrets ] || (cd other && "$kiln" init >/dev/null)
	check "bake goat of another cluster" sh -c "cd other && '$kiln' bake goat"
	echo "# baked in $((SECONDS - t)) s"
	[ "$failed" = 0 ] || finish
	"$kiln" run --switch "$PWD/switch" --forwards forwards.json >switch.log 2>&1 </dev/null &
	switch=$!
	for _ in $(seq 100); do [ -s forwards.json ] && [ -S switch ] && break || sleep 0.1; done
}

# A worker whose token pins another CA than the one that answers. Only the CA is foreign: the
# address of the API server is the same.
foreign_ca() {
	local step='.nodes[] | select(.node == "goat") | .status.steps[]? | select(.name == "k3s")'
	start goat other
	if wait_state "[$step | select((.state == \"failed\" or .state == \"waiting\") and (.reason // \"\" | test(\"CA\")))] | length > 0" other; then
		ok "a worker with another cluster's CA says so: $(jq -r "$step | .state + \": \" + .reason" <<<"$seen")"
	else
		not_ok "a worker with another cluster's CA says so" "$(jq -c .nodes <<<"$seen")"
	fi
	has "it has not joined" "$(lab_ssh hen sudo k3s kubectl get node goat 2>&1)" 'not found'
	cut_power goat
}

look() { # label
	local nodes json
	json=$(state)
	has "$1: kiln status --json says that all is up" "$(jq -r '.up, .api_problem' <<<"$json" | tr '\n' ' ')" '^true null'
	nodes=$(lab_ssh hen sudo k3s kubectl get nodes -o wide --show-labels 2>&1)
	has "$1: hen is Ready, on amd64" "$nodes" '^hen +Ready +.*control-plane.*arch=amd64'
	has "$1: goat is Ready, on arm64" "$nodes" '^goat +Ready +.*arch=arm64'
	check "$1: goat reaches hen by IPv4" lab_ssh goat ping -c 1 -W 20 192.168.15.10
	check "$1: goat reaches hen by IPv6" lab_ssh goat ping -c 1 -W 20 fd12:3456:789a:15::10
	check "$1: hen reaches goat by IPv6" lab_ssh hen ping -c 1 -W 20 fd12:3456:789a:15::11
	has "$1: the web application is available" \
		"$(lab_ssh hen sudo k3s kubectl get deployment -n web web --no-headers 2>&1)" '2/2'
	has "$1: goat writes its own ConfigMap" \
		"$(lab_ssh hen "sudo k3s kubectl get configmap -n kiln-system status-goat -o jsonpath='{.data}'" 2>&1)" 'goat'
	check "$1: no admin kubeconfig on goat" lab_ssh goat "! sudo test -e /etc/rancher/k3s/k3s.yaml"
	check "$1: no key of a CA on goat" lab_ssh goat '! sudo find / -xdev -name "*-ca.key" | grep -q .'
	has "$1: the login prompt says so" "$(lab_ssh goat cat /run/issue.d/50-kiln.issue)" 'goat is ready, 192\.168\.15\.11'
	has "$1: the timer check is off on the machine alone" "$(lab_ssh hen cat /proc/cmdline)" 'no_timer_check'
}

started=$SECONDS
setup
started=$SECONDS
start hen
if [ "$what" = default ]; then
	foreign_ca
	start goat
	all_up "join"
	look "join"
else
	foreign_ca
	# the worker's power fails while it joins, the control-plane's in the middle of the sequence
	start goat
	wait_state '[.nodes[] | select(.node == "goat") | .status.steps[]? | select(.name == "k3s" and (.state == "running" or .state == "waiting"))] | length > 0' ||
		not_ok "goat begins to join" "$seen"
	cut_power goat
	start goat
	wait_state '[.nodes[] | .status.components[]? | select(.state == "applying" or .state == "gating")] | length > 0' ||
		not_ok "the sequence begins" "$seen"
	echo "# cut: $(jq -c '[.nodes[] | .status.components[]? | {(.name): .state}] | add' <<<"$seen")"
	cut_power hen
	sleep 3
	start hen
	all_up "after power cuts"
	look "after power cuts"
	check "hen's etcd and journal are whole" lab_ssh hen '! sudo journalctl -q -b -u k3s | grep -qiE "panic|corrupt"'
fi
finish
