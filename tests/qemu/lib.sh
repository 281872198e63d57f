# shellcheck shell=bash
# What the QEMU tests share: results, a cluster to bake, machines with deadlines.
#
# The cluster lies in a folder of its own below the user's cache (KILN_QEMU_DIR), so that
# its identity and lock stay the same from run to run; base roots and base images are in
# Kiln's cache anyway. One machine runs at a time.

qemu_pid=
srcdir=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
# shellcheck source=tests/qemu/machines.sh
. "$srcdir/tests/qemu/machines.sh"
work=${KILN_QEMU_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/kiln/tests/qemu}
boot_deadline=${KILN_QEMU_DEADLINE:-600} # seconds from power to a login, on a loaded machine
guest_memory=768MiB

finish() {
	stop_vm
	echo "$passed passed, $failed failed, $skipped skipped"
	[ "$failed" = 0 ]
}

setup_cluster() {
	mkdir -p "$work"
	[ -f "$work/id_ed25519" ] || ssh-keygen -q -t ed25519 -N '' -C kiln-test -f "$work/id_ed25519"
	sed "s|@KEY@|$(cat "$work/id_ed25519.pub")|" "$srcdir/tests/qemu/cluster.yaml" >"$work/cluster.yaml"
	install -m 0755 "$srcdir/tests/qemu/k3s-stand-in" "$work/k3s"
	rm -rf "$work/net" && cp -r "$srcdir/tests/qemu/net" "$work/net"
	cd "$work" || exit 1
	[ -d .kiln/secrets ] && [ -f out/known_hosts ] || "$kiln" init >/dev/null
}

# Every other kiln-node.deb makes other base roots and images, 4 GB for both boards. Those that
# bakes of this cluster made, and none used for three hours, go: "used" has the time of each.
drop_stale_bases() {
	local cache=${KILN_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/kiln} used=$work/used now name at
	now=$(date +%s)
	for name in $(jq -r '"images/\(.base)", (.inputs[] | select(.name == "base-root") | "base/\(.sha256)")' out/*.image.json); do
		[ ! -f "$used" ] || sed -i "\\|^$name |d" "$used"
		echo "$name $now" >>"$used"
	done
	(
		flock -n 9 || exit 0 # a bake is at work
		while read -r name at; do
			if [ "$at" -lt $((now - 10800)) ]; then
				rm -f "$cache/$name".{img,json,tar}
			else
				echo "$name $at"
			fi
		done <"$used" >"$used.new" && mv "$used.new" "$used"
	) 9>>"$cache/in-use.lock"
}

# start_vm NODE OVERLAY [OPTION...]: power on; console in $serial, ssh on $ssh_port
start_vm() {
	local node=$1 overlay=$2
	shift 2
	serial=$work/$node.serial
	: >"$serial"
	rm -f "$work/qemu.pid"
	ssh_port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
	"$kiln" run "$node" --tcg --memory "$guest_memory" --serial "$serial" --pid-file "$work/qemu.pid" \
		--ssh-port "$ssh_port" --overlay "$overlay" "$@" >"$work/run.log" 2>&1 </dev/null &
	run_pid=$!
	started=$SECONDS
	for _ in $(seq 100); do
		[ -s "$work/qemu.pid" ] && break
		kill -0 "$run_pid" 2>/dev/null || break
		sleep 0.1
	done
	qemu_pid=$(cat "$work/qemu.pid" 2>/dev/null)
	[ -n "$qemu_pid" ]
}
# Power cut: no warning to anyone
cut_power() {
	[ -z "$qemu_pid" ] || kill -9 "$qemu_pid" 2>/dev/null
	wait "$run_pid" 2>/dev/null
	qemu_pid=
}
stop_vm() {
	[ -z "$qemu_pid" ] || cut_power
}
trap stop_vm EXIT

# wait_serial PATTERN SECONDS
wait_serial() {
	local end=$((SECONDS + $2))
	while [ $SECONDS -lt $end ]; do
		grep -aqE "$1" "$serial" && return 0
		kill -0 "$qemu_pid" 2>/dev/null || return 1
		sleep 0.2
	done
	return 1
}
ssh_to() { # node, command...: the host key must be the one that kiln init made
	local node=$1
	shift
	ssh -q -p "$ssh_port" -i "$work/id_ed25519" -o BatchMode=yes -o IdentitiesOnly=yes \
		-o StrictHostKeyChecking=yes -o "UserKnownHostsFile=$work/out/known_hosts" \
		-o GlobalKnownHostsFile=/dev/null -o "HostKeyAlias=$node" -o ConnectTimeout=20 k3s@127.0.0.1 "$@"
}
wait_login() { # node
	local end=$((started + boot_deadline))
	while [ $SECONDS -lt $end ]; do
		ssh_to "$1" true </dev/null 2>/dev/null && return 0
		kill -0 "$qemu_pid" 2>/dev/null || return 1
		sleep 2
	done
	return 1
}
console() { # the last lines, for a failure's detail
	tail -n 25 "$serial" | tr -d '\r\033' | cut -c1-200
}
