#!/usr/bin/env bash
# Bake the lab, boot both its nodes on one network in QEMU and show them coming up: `make demo`.
#
# usage: scripts/demo.sh BUILD_DIR [--no-wait]
# K3s is ./k3s of $KILN_DEMO_K3S (a folder with k3s and k3s-arm64, the real release) or else
# testk3s, the tests' own server: a real Kubernetes API, with machines and pods played. The end
# screen says which. Everything lies in the user's cache; nothing is written beside it.
# KILN_DEMO_DIR: another folder; KILN_DEMO_DEADLINE: seconds from power-on until it gives up.
set -eu
build=$(cd "${1:?}" && pwd)
src=$(cd "$(dirname "$0")/.." && pwd)
kiln=$build/kiln
work=${KILN_DEMO_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/kiln/demo}
deadline=${KILN_DEMO_DEADLINE:-1800}
mkdir -p "$work"
cd "$work"

say() { printf '\n== %s\n' "$*"; }

real=${KILN_DEMO_K3S:-}
# shellcheck source=scripts/lab.sh
. "$src/scripts/lab.sh"

stop() {
	[ -z "${run:-}" ] || kill "$run" 2>/dev/null || true
	wait 2>/dev/null || true
	rm -f ./*.qcow2 forwards.json
}

boot() {
	rm -f ./*.qcow2 forwards.json
	"$kiln" run hen goat --memory hen=3GiB --memory goat=1GiB --serial %n.console --overlay %n.qcow2 \
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
		echo "      K3s and its containers, from $real."
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

say "K3s"
lab_k3s
if [ -n "$real" ]; then echo "the release in $real"; else echo "testk3s stands in: KILN_DEMO_K3S=FOLDER takes a real one"; fi
say "bake"
lab_cluster
"$kiln" check
[ -f kiln.lock ] || lab_lock
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
	exit 1
fi
say "up: baked in $baked s, both nodes and all components $((SECONDS - baked)) s after power-on"
what_was_real
echo "images: $work/out"
if [ "${2:-}" != --no-wait ] && [ -t 0 ]; then
	echo "log in:  ssh -i $work/key -p $(jq -r .nodes.hen.ssh forwards.json) -o UserKnownHostsFile=$work/out/known_hosts -o HostKeyAlias=hen lab@127.0.0.1"
	read -rp "Enter ends both machines "
fi
