#!/usr/bin/env bash
# Bake the lab, boot both its nodes on one network in QEMU and show them coming up: `make demo`.
#
# usage: scripts/demo.sh BUILD_DIR [--no-wait]
# K3s is what $KILN_DEMO_K3S says: a folder with a real k3s and k3s-arm64; "release", the one that
# kiln.lock names; or "none", testk3s, the tests' own server: a real Kubernetes API, with machines
# and pods played. Without it: the release where its server answers, else testk3s. A real one gets
# Cilium as its network. The end screen says which it was. Everything lies in the user's cache;
# nothing is written beside it. KILN_DEMO_DIR: another folder; KILN_DEMO_DEADLINE: seconds from
# power-on until it gives up (default: 1800; with a real K3s 3600).
set -eu
build=$(cd "${1:?}" && pwd)
src=$(cd "$(dirname "$0")/.." && pwd)
kiln=$build/kiln
# shellcheck source=scripts/lab.sh
. "$src/scripts/lab.sh"

say() { printf '\n== %s\n' "$*"; }

# into the folder of this kind of K3s: each has its own lock and secrets
enter() {
	work=${KILN_DEMO_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/kiln/demo}${real:+-real}
	mkdir -p "$work" && cd "$work"
}
# K3s, cluster.yaml, kiln.lock and all that it names; without the network that takes, testk3s
prepare() {
	enter
	say "K3s"
	case $real in
	'') echo "testk3s stands in (KILN_DEMO_K3S=FOLDER or =release takes a real one)" ;;
	release) echo "the release, which kiln.lock names (KILN_DEMO_K3S=none takes testk3s)" ;;
	*) echo "the release in $real" ;;
	esac
	lab_helm && lab_k3s && lab_cluster && "$kiln" check && lab_lock
}

stop() {
	[ -z "${run:-}" ] || kill "$run" 2>/dev/null || true
	wait 2>/dev/null || true
	rm -f ./*.qcow2 forwards.json
}

boot() {
	local goat=1GiB
	[ -z "$real" ] || goat=2GiB
	rm -f ./*.qcow2 forwards.json
	"$kiln" run hen goat --memory hen=3GiB --memory "goat=$goat" --serial %n.console --overlay %n.qcow2 \
		--forwards forwards.json >run.log 2>&1 </dev/null &
	run=$!
	trap stop EXIT
	while [ ! -s forwards.json ]; do
		kill -0 "$run" 2>/dev/null || { cat run.log && exit 1; }
		sleep 0.2
	done
}

what_was_real() {
	cat <<-'END'
	Real: both images, as they would go onto a disk, from OVMF with Secure Boot or the Pi's kernel
	      to the login; kiln-init and its seed, systemd, kiln-node and its steps; the network between
	      the nodes; the token that pins the CA; the certificates of .kiln/secrets.
	END
	if [ -n "$real" ]; then
		[ "$real" = release ] && echo "      K3s, its release, with Cilium and all containers." ||
			echo "      K3s of $real, with Cilium and all containers."
		echo "Simulated: the machines (QEMU; QEMU has no Pi: its firmware is not run)."
	else
		cat <<-'END'
		      API server, controllers, scheduler and etcd (Kubernetes' own, as testk3s).
		Simulated: the machines (QEMU; QEMU has no Pi: its firmware is not run). Kubelets and pods:
		      objects become ready as kwok's rules say, no container ran; the images are made on the
		      spot. The component "net" is no network.
		END
	fi
}

real=${KILN_DEMO_K3S:-}
if [ "$real" = none ]; then
	real=
elif [ -z "$real" ] && lab_release_answers; then
	real=release
fi
if [ -n "$real" ] && [ "$real" != release ]; then real=$(cd "$real" && pwd); fi
deadline=${KILN_DEMO_DEADLINE:-$([ -n "$real" ] && echo 3600 || echo 1800)}
if ! prepare; then
	# asked for by name, it is that or nothing
	[ "$real" = release ] && [ -z "${KILN_DEMO_K3S:-}" ] || exit 1
	echo "not all of the release can be had"
	real=
	prepare
fi
say "bake"
"$kiln" bake
baked=$SECONDS
say "boot hen (x86) and goat (arm64) in QEMU, on one network"
boot
ok=0
"$kiln" status --watch --forwards forwards.json -i key --timeout "${deadline}s" || ok=$?
say "as they say themselves"
"$kiln" status --forwards forwards.json -i key || ok=$?
lab_ssh hen sudo k3s kubectl get nodes,pods -A -o wide 2>/dev/null | cut -c1-99 || true
if [ "$ok" != 0 ]; then
	for n in hen goat; do
		say "the console of $n, at its end"
		tail -n 12 "$n.console" | tr -d '\r\033' | cut -c1-160
	done
	tail -n 5 run.log
	[ -z "$real" ] || echo "with a real K3s, which needs more of this machine; KILN_DEMO_K3S=none takes testk3s instead"
	exit 1
fi
say "up: baked in $baked s, both nodes and all components $((SECONDS - baked)) s after power-on"
what_was_real
echo "images: $work/out"
if [ "${2:-}" != --no-wait ] && [ -t 0 ]; then
	echo "log in:  ssh -i $work/key -p $(jq -r .nodes.hen.ssh forwards.json) -o UserKnownHostsFile=$work/out/known_hosts -o HostKeyAlias=hen lab@127.0.0.1"
	read -rp "Enter ends both machines "
fi
