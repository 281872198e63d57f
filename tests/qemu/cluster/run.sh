#!/usr/bin/env bash
# The lab of examples/lab as `make demo` shows it, without a terminal: two nodes of two
# architectures on one segment join by CA-pinned tokens, and all components come up.
#
# usage: [ONLY=REGEX] run.sh BUILD-FOLDER default|full
# default: a worker with another cluster's CA refuses; the worker's power fails once while it
#	comes up for the first time; in the middle of the sequence kiln-node is killed, then the
#	control-plane's power fails; kiln-node hangs later; what runs on a node is looked at; a changed
#	seed is pushed to the control-plane.
# full: the power of both fails at ten points, from the first boot to the finished cluster, then
#	of both at once; the seed in the log repeats it (KILN_QEMU_SEED).
#	A turn of it, on a new cluster: ONLY=points CUTS="0 1 2" (numbers as in cuts.sh).
# At the end of each the real Argo CD takes over.
# ONLY picks parts by name: foreign, cut, kill, power, look, node, restart, push, handover; of
# full: look, points, both, handover.
# KILN_QEMU_DEADLINE: seconds for each wait (default 1500: a machine 5 times slower, under load)
set -u
build=$1 what=$2
# shellcheck disable=SC2034 # for lab.sh
kiln=$build/kiln real=''
srcdir=$(cd "$(dirname "$0")/../../.." && pwd)
src=$srcdir
work=${KILN_QEMU_CLUSTER_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/kiln/tests/qemu-cluster}
deadline=${KILN_QEMU_DEADLINE:-1500}
seed=${KILN_QEMU_SEED:-$(date +%j)}
# shellcheck source=scripts/lab.sh
. "$srcdir/scripts/lab.sh"
# shellcheck source=tests/qemu/machines.sh
. "$srcdir/tests/qemu/machines.sh"
# shellcheck source=tests/qemu/containers.sh
. "$srcdir/tests/qemu/containers.sh"
# shellcheck source=tests/qemu/cluster/cuts.sh
. "$srcdir/tests/qemu/cluster/cuts.sh"

has() { # name, text, pattern
	if grep -qE -- "$3" <<<"$2"; then ok "$1"; else not_ok "$1" "no '$3' in: $2"; fi
}
finish() {
	stop
	echo "$passed passed, $failed failed, $skipped skipped"
	[ "$failed" = 0 ]
	exit
}
ssh_to() { lab_ssh_in "$@"; } # for on_node

declare -A run=() extra=() memory=([hen]=2560MiB [goat]=768MiB)
switch='' git_server='' argocd_build='' refused=0 ran=0 # lines of the sequence on hen's console before kiln-node was killed
start() { # NODE [FOLDER]: power on; its disk stays what it was
	local node=$1 dir=${2:-.}
	rm -f "$node.pid"
	: >"$node.console" # what is waited for is of this boot
	# shellcheck disable=SC2086
	"$kiln" run -f "$dir/cluster.yaml" "$node" --tcg --memory "${memory[$node]}" --segment "$PWD/switch" ${extra[$node]:-} \
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
	for p in $switch $git_server $argocd_build; do kill "$p" 2>/dev/null; done
	wait 2>/dev/null
	switch='' git_server='' argocd_build=''
	rm -f ./*.qcow2 other/*.qcow2 ./containers-*.tar
}
trap stop EXIT

said() { grep -aqE "$2" "$1.console"; } # NODE PATTERN
# wait_console NODE PATTERN: since it was switched on
wait_console() {
	local end=$((SECONDS + deadline))
	while [ $SECONDS -lt $end ]; do
		said "$1" "$2" && return 0
		kill -0 "${run[$1]}" 2>/dev/null || return 1
		sleep 0.2
	done
	return 1
}
console() { tail -n "${2:-15}" "$1.console" | tr -d '\r\033' | cut -c1-200; }
after() { echo "$((SECONDS - started)) s after power-on"; }
state() { "$kiln" status --json --forwards forwards.json -i key -f "${1:-.}/cluster.yaml" 2>/dev/null; }
all_up() { # label
	local out
	if out=$("$kiln" status --watch --forwards forwards.json -i key --timeout "${deadline}s" 2>&1); then
		ok "$1: both nodes and all components are up, $(after)"
		grep -v '^\[ *[0-9]* s\].*not heard of' <<<"$out" | tail -n 40 | sed 's/^/#   /'
	else
		not_ok "$1: both nodes and all components are up" "$(tail -n 40 <<<"$out")
$(for n in hen goat; do echo "console of $n:" && console $n; done)"
		finish
	fi
}

with_foreign() { [ "$what" = default ] && picked foreign; }
setup() {
	local t=$SECONDS
	mkdir -p "$work" && cd "$work" || exit 1
	rm -f ./*.qcow2 forwards.json
	lab_k3s && lab_cluster || {
		not_ok "K3s and cluster.yaml"
		finish
	}
	if picked handover; then argocd_component; fi
	# the lock of the day; with no network the one that is there, and with KILN_QEMU_LOCK=kept too
	[ "${KILN_QEMU_LOCK:-}" = kept ] && [ -f kiln.lock ] || lab_update >update.log 2>&1 || [ -f kiln.lock ] || {
		not_ok "kiln update" "$(tail -n 5 update.log)"
		finish
	}
	check "bake hen and goat" "$kiln" bake
	if with_foreign; then
		# the same node of another cluster: other CAs, tokens, host keys; the same base image
		mkdir -p other
		cp -r cluster.yaml kiln.lock net store web k3s k3s-arm64 other/
		ln -sf ../key ../forwards.json other/
		[ -d other/.kiln/secrets ] || (cd other && "$kiln" init >/dev/null)
		check "bake goat of another cluster" sh -c "cd other && '$kiln' bake goat"
	fi
	[ "$failed" = 0 ] || finish
	echo "# baked in $((SECONDS - t)) s"
	"$kiln" run --switch "$PWD/switch" --forwards forwards.json >switch.log 2>&1 </dev/null &
	switch=$!
	for _ in $(seq 100); do [ -s forwards.json ] && [ -S switch ] && break || sleep 0.1; done
}

# The lab has Argo CD's part too, and Applications that follow a repository on this machine
argocd_component() {
	local d
	bin=$(bash "$srcdir/tests/cluster/build.sh" argocd-crds) || {
		not_ok "the CRDs of Argo CD"
		finish
	}
	# takes minutes where it is not cached: beside the machines
	bash "$srcdir/tests/cluster/build.sh" argocd >/dev/null 2>argocd-build.log &
	argocd_build=$!
	rm -rf data git work && mkdir -p data/bundle git
	for d in boards overlays agent; do ln -s "$build/share/kiln/$d" "data/$d"; done
	cp -r "$srcdir/tests/qemu/cluster/argocd" data/bundle/
	cp "$bin/argocd-crds.yaml" data/bundle/argocd/crds.yaml
	export KILN_DATADIR=$PWD/data
	git init -q --bare -b main git/lab.git
	PYTHONDONTWRITEBYTECODE=1 python3 "$srcdir/tests/qemu/cluster/git-server.py" git &
	git_server=$!
	for _ in $(seq 300); do [ -s git/port ] && break || sleep 0.1; done
	echo "  - argocd: {host: argocd.lab.example.org, repo: \"http://127.0.0.1:$(cat git/port)/lab.git\", revision: main}" >>cluster.yaml
}
argocd_repository() {
	"$kiln" bundle export work && git init -q -b main work && git -C work add -A &&
		git -C work -c user.name=t -c user.email=t@example.org commit -qm one && git -C work push -q ../git/lab.git HEAD:main
}

# A worker whose token pins another CA than the one that answers. Only the CA is foreign: the
# address of the API server is the same.
foreign_ca() {
	local step='.nodes[] | select(.node == "goat") | .status.steps[]? | select(.name == "k3s") | .state + ": " + .reason'
	picked foreign || return 0
	start goat other
	if wait_console goat 'kiln-node: goat.* k3s: .*another CA'; then
		ok "a worker with another cluster's CA says so on its console, $(after)"
		has "and to kiln status" "$(state other | jq -r "$step")" 'another CA'
		has "K3s was not started" "$(cd other && lab_ssh goat systemctl is-active k3s-agent 2>&1)" '^inactive'
	else
		not_ok "a worker with another cluster's CA says so" "$(console goat)"
	fi
	cut_power goat
	refused=$(date +%s)
}
# The worker's first boot; its power fails at a point of the day
cut_first_boot() {
	local points=("${cut_points[@]}" 'kiln-node: goat.* k3s: waiting|1') point
	start goat
	picked cut || return 0
	point=${points[$((10#$seed % ${#points[@]}))]}
	if ! wait_console goat "${point%|*}"; then
		not_ok "goat says '${point%|*}'" "$(console goat)"
		finish
	fi
	sleep "${point#*|}"
	cut_power goat
	start goat
	echo "# power cut of goat ${point#*|} s after '${point%|*}', $(after); KILN_QEMU_SEED=$seed"
}
# systemd starts it again, and it goes on from its journal: all_up() comes after it
kill_agent() {
	picked kill || return 0
	if wait_console hen 'kiln-node: hen.* sequence: running: (net|store)' &&
		ran=$(grep -ac 'hen.* sequence: running' hen.console) &&
		lab_ssh hen sudo systemctl kill -s KILL kiln-node; then
		ok "kiln-node is killed in the middle of the sequence, $(after)"
	else
		not_ok "kiln-node is killed in the middle of the sequence" "$(console hen)"
	fi
}
# The control-plane's power, while a component comes up: after a kill the sequence runs again first
cut_sequence() {
	local now end=$((SECONDS + deadline))
	picked power || return 0
	until now=$(grep -ac 'hen.* sequence: running' hen.console || true) && [ "$now" -gt "$ran" ]; do
		if [ $SECONDS -ge $end ] || said hen 'hen is ready'; then
			not_ok "the power of hen fails in the middle of the sequence" "$(console hen)"
			return 0
		fi
		sleep 0.2
	done
	cut_power hen
	ok "hen: power cut at '$(grep -a 'sequence: running' hen.console | tail -n 1 | tr -d '\r\033' | sed 's/.*running: //' | cut -c1-60)', $(after)"
	start hen
}

look() { # label
	local nodes json
	picked look || return 0
	json=$(state)
	has "$1: kiln status --json says that all is up" "$(jq -r '.up, .api_problem' <<<"$json" | tr '\n' ' ')" '^true null'
	nodes=$(lab_ssh hen sudo k3s kubectl get nodes -o wide --show-labels 2>&1)
	has "$1: hen is Ready, on amd64" "$nodes" '^hen +Ready +.*control-plane.*arch=amd64'
	has "$1: goat is Ready, on arm64" "$nodes" '^goat +Ready +.*arch=arm64'
	# the clocks are this machine's: goat has its time from the segment's gateway
	[ $refused = 0 ] || check "$1: goat joined after the foreign one had gone" \
		test "$(date -d "$(lab_ssh hen sudo k3s kubectl get node goat -o "jsonpath='{.metadata.creationTimestamp}'")" +%s)" -ge "$refused"
	check "$1: goat reaches hen by IPv4" lab_ssh goat sudo ping -c 1 -W 20 192.168.15.10
	check "$1: goat reaches hen by IPv6" lab_ssh goat sudo ping -c 1 -W 20 fd12:3456:789a:15::10
	check "$1: hen reaches goat by IPv6" lab_ssh hen sudo ping -c 1 -W 20 fd12:3456:789a:15::11
	has "$1: the web application is available" \
		"$(lab_ssh hen sudo k3s kubectl get deployment -n web web --no-headers 2>&1)" '2/2'
	has "$1: goat writes its own ConfigMap" \
		"$(lab_ssh hen "sudo k3s kubectl get configmap -n kiln-system status-goat -o jsonpath='{.data}'" 2>&1)" 'goat'
	check "$1: no admin kubeconfig on goat" lab_ssh goat "! sudo test -e /etc/rancher/k3s/k3s.yaml"
	check "$1: no key of a CA on goat" lab_ssh goat '! sudo find / -xdev -name "*-ca.key" | grep -q .'
	has "$1: the login prompt says so" "$(lab_ssh goat cat /run/issue.d/50-kiln.issue)" 'goat is ready, 192\.168\.15\.11'
	has "$1: goat has its time from the gateway" "$(lab_ssh goat timedatectl timesync-status 2>&1)" 'Server: (192\.168\.15\.1|fd12:3456:789a:15::1)'
}
sh_until() { for _ in $(seq 60); do "$@" && return 0 || sleep 2; done; return 1; }
# A changed cluster for the control-plane that has the only etcd: its seed alone goes to it
page() { lab_ssh hen "sudo k3s kubectl get configmap -n web pages -o jsonpath='{.data}'"; }
push_seed() {
	local uid t=$SECONDS
	picked push || return 0
	! with_foreign || has "goat of another cluster is not pushed to" \
		"$(cd other && "$kiln" push goat --forwards forwards.json -i key 2>&1)" "^kiln push: 'goat': .*(Host key verification failed|IDENTIFICATION)"
	uid=$(lab_ssh hen sudo k3s kubectl get namespace web -o "jsonpath={.metadata.uid}")
	sed -i 's|^  goat:$|&\n    labels: {pushed: "yes"}|' cluster.yaml
	sed -i 's|A lab|A lab, changed|' web/web.yaml
	check "the changed cluster is baked for hen" "$kiln" bake hen
	has "its seed is pushed, and the node takes it" "$("$kiln" push hen --reboot --forwards forwards.json -i key 2>&1)" '^hen: runs with it, after [0-9]+ s$'
	all_up "push"
	has_arrived() { lab_ssh hen sudo k3s kubectl get node goat -o "jsonpath={.metadata.labels.pushed}" | grep -qx yes && page | grep -q changed; }
	check "what has changed arrives" sh_until has_arrived
	check "etcd is what it was" test -n "$uid" -a "$(lab_ssh hen sudo k3s kubectl get namespace web -o "jsonpath={.metadata.uid}")" = "$uid"
	check "no seed is left on the boot partition" test "$(lab_ssh hen sudo ls /boot/firmware/kiln)" = base.json
	has "pushed again, it is what runs" "$("$kiln" push hen --reboot --forwards forwards.json -i key 2>&1)" ' is what it runs with$'
	echo "# pushed in $((SECONDS - t)) s"
}
hand_over() {
	local t=$SECONDS
	picked handover || return 0
	check "what Git has to have" argocd_repository
	if wait "$argocd_build"; then ok "Argo CD is built"; else not_ok "Argo CD is built" "$(tail -n 5 argocd-build.log)"; fi
	argocd_build=''
	echo "# waited for its build for $((SECONDS - t)) s"
	t=$SECONDS
	count_on_node "hand-over" handover.sh "$(bash "$srcdir/tests/qemu/cluster/handover.sh" "$kiln" 2>&1)"
	echo "# handed over in $((SECONDS - t)) s"
}
# What the images are, as the tests of one machine look at it: on both nodes at once, for much of it
# is waiting
look_at_nodes() {
	local n s t=$SECONDS
	local -A scripts=([hen]='' [goat]='') pids=()
	for n in hen goat; do
		! picked restart || scripts[$n]+=" restart.sh"
		! picked node || scripts[$n]+=" guest.sh features.sh"
	done
	! picked node || scripts[hen]+=" container.sh"
	for n in hen goat; do
		(
			# shellcheck disable=SC2034 # for run_on_node
			if [ $n = hen ]; then k3s_version=$(./k3s --version | head -n 1); else k3s_version=$(lab_ssh goat k3s --version | head -n 1); fi
			for s in ${scripts[$n]}; do run_on_node $n "$s" >"$n.$s.out"; done
		) &
		pids[$n]=$!
	done
	wait "${pids[@]}"
	for n in hen goat; do
		for s in ${scripts[$n]}; do count_on_node $n "$s" "$(cat "$n.$s.out")"; done
	done
	echo "# looked at in $((SECONDS - t)) s"
	picked node || return 0
	check "goat: the K3s that was baked" test "$(lab_ssh goat sha256sum /usr/local/bin/k3s | cut -c1-64)" = "$(sha256sum k3s-arm64 | cut -c1-64)"
	check "hen: Secure Boot is on" grep -aqE 'Secure boot enabled|secureboot: Secure boot' hen.console
}

started=$SECONDS
setup
started=$SECONDS
if [ "$what" = default ]; then
	if picked node; then
		extra[hen]="--disk $(containers_disk amd64)" || not_ok "packages for a container"
	fi
	start hen
	foreign_ca
	cut_first_boot
	kill_agent
	cut_sequence
	all_up "join"
	look "join"
	look_at_nodes
	push_seed
	hand_over
else
	start hen
	start goat
	if picked points; then
		power_cuts
		all_up "after power cuts"
		as_if_nothing "after power cuts"
	else
		all_up "join"
	fi
	look "at the end of them"
	if picked both; then
		cut_power hen
		cut_power goat
		started=$SECONDS
		start hen
		start goat
		all_up "after a power cut of all"
		as_if_nothing "after a power cut of all"
	fi
	hand_over
fi
finish
