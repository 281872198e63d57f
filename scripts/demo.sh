#!/usr/bin/env bash
# Bake the lab and boot its control-plane in QEMU: what `make demo` runs.
#
# usage: scripts/demo.sh BUILD_DIR [--no-wait]
# K3s is ./k3s of $KILN_DEMO_K3S (a folder with k3s and k3s-arm64, the real release) or else
# testk3s, the tests' own server: a real Kubernetes API, with machines and pods played. The end
# screen says which. Everything lies in the user's cache; nothing is written beside it.
set -eu
build=$(cd "${1:?}" && pwd)
src=$(cd "$(dirname "$0")/.." && pwd)
kiln=$build/kiln
work=${XDG_CACHE_HOME:-$HOME/.cache}/kiln/demo
node=hen
deadline=${KILN_DEMO_DEADLINE:-1200}
mkdir -p "$work"
cd "$work"

say() { printf '\n== %s\n' "$*"; }

k3s() {
	if [ -n "${KILN_DEMO_K3S:-}" ]; then
		install -m 0755 "$KILN_DEMO_K3S/k3s" k3s
		install -m 0755 "$KILN_DEMO_K3S/k3s-arm64" k3s-arm64
		what="K3s from $KILN_DEMO_K3S"
	else
		local bin
		bin=$(bash "$src/tests/cluster/build.sh" testk3s testk3s-agent kwok)
		install -m 0755 "$bin/testk3s" k3s
		install -m 0755 "$bin/testk3s-agent-arm64" k3s-arm64
		what="testk3s: Kubernetes' real API server, controllers and scheduler; kubelet and pods are played"
	fi
}

cluster() {
	[ -f key ] || ssh-keygen -q -t ed25519 -N '' -C kiln-demo -f key
	sed "s|- ssh-ed25519 .*|- $(cat key.pub)|" "$src/examples/lab/cluster.yaml" >cluster.yaml
	rm -rf net && cp -r "$src/examples/lab/net" net
	[ -d .kiln/secrets ] || "$kiln" init
	"$kiln" check
}

ssh_node() {
	ssh -q -i key -p "$(cat port)" -o IdentitiesOnly=yes -o StrictHostKeyChecking=yes -o ConnectTimeout=5 \
		-o "UserKnownHostsFile=$work/out/known_hosts" -o HostKeyAlias=$node lab@127.0.0.1 "$@"
}

boot() {
	rm -f serial pid disk.qcow2
	python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])' >port
	"$kiln" run $node --serial serial --pid-file pid --ssh-port "$(cat port)" --overlay disk.qcow2 --memory 3GiB \
		>run.log 2>&1 </dev/null &
	run=$!
	trap '[ ! -s pid ] || kill "$(cat pid)" 2>/dev/null; wait "$run" 2>/dev/null; rm -f disk.qcow2' EXIT
}

follow() {
	local last='' now state=''
	while [ $SECONDS -lt "$deadline" ]; do
		if ! kill -0 "$run" 2>/dev/null; then
			echo "the machine has ended:"
			tail -n 5 run.log
			return 1
		fi
		now=$(ssh_node /usr/sbin/kiln-node status 2>/dev/null || tail -n 1 serial 2>/dev/null | tr -d '\r' | cut -c1-100 || true)
		if [ "$now" != "$last" ]; then
			printf '[%4d s] %s\n' $SECONDS "$now"
			last=$now
		fi
		state=$(sed -n '1s/^[a-z0-9-]*: \([a-z]*\).*/\1/p' <<<"$now")
		[ "$state" != ready ] || return 0
		sleep 5
	done
	echo "not ready within $deadline s; the console's last lines:"
	tail -n 15 serial
	return 1
}

say "K3s"
k3s
echo "$what"
say "bake"
cluster
[ -f kiln.lock ] || "$kiln" update
"$kiln" bake
say "boot $node in QEMU"
SECONDS=0
boot
follow
say "$node is up after $SECONDS s"
ssh_node 'uname -sr; hostname; sudo k3s kubectl get nodes -o wide' || true
echo "K3s was: $what"
echo "images: $work/out"
if [ "${2:-}" != --no-wait ] && [ -t 0 ]; then
	echo "log in: ssh -i $work/key -p $(cat port) -o UserKnownHostsFile=$work/out/known_hosts -o HostKeyAlias=$node lab@127.0.0.1"
	read -rp "Enter ends the machine "
fi
