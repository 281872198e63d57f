# shellcheck shell=bash
# What the demo and tests/qemu/cluster share: the lab of examples/lab in the folder where we are.
#
# Sourced with $src (the tree), $kiln (the program) and $real (a folder with a real K3s, or "").

# k3s and k3s-arm64 into this folder; what is there and the same stays as it is
lab_k3s() {
	if [ -n "$real" ]; then
		install -m 0755 "$real/k3s" k3s
		install -m 0755 "$real/k3s-arm64" k3s-arm64
		return
	fi
	local bin
	bin=$(bash "$src/tests/cluster/build.sh" testk3s testk3s-agent kwok) || return 1
	bash "$src/tests/cluster/attach.sh" "$bin/testk3s" "$bin/kwok" k3s.new
	cmp -s k3s.new k3s || mv k3s.new k3s
	rm -f k3s.new
	cmp -s "$bin/testk3s-agent-arm64" k3s-arm64 || install -m 0755 "$bin/testk3s-agent-arm64" k3s-arm64
}

# cluster.yaml with a key of our own, and the components
lab_cluster() {
	[ -f key ] || ssh-keygen -q -t ed25519 -N '' -C kiln-lab -f key
	sed "s|- ssh-ed25519 .*|- $(cat key.pub)|" "$src/examples/lab/cluster.yaml" >cluster.yaml
	for c in net store web; do
		rm -rf "$c" && cp -r "$src/examples/lab/$c" "$c"
	done
	[ -d .kiln/secrets ] || "$kiln" init
}

# Played pods need no image: the lock is then made of a cluster whose components have none.
lab_lock() {
	if [ -n "$real" ]; then
		"$kiln" update
		return
	fi
	rm -rf lock && mkdir -p lock/net
	sed '/^  - store:/d; /^  - web:/d; s|binary: k3s|binary: ../k3s|' cluster.yaml >lock/cluster.yaml
	sed '/^gates:/,$d' "$src/examples/lab/net/component.yaml" >lock/net/component.yaml
	printf 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: none, namespace: kube-system}\n' >lock/net/stand-in.yaml
	"$kiln" update -f lock/cluster.yaml && mv lock/kiln.lock kiln.lock
}

# lab_ssh NODE COMMAND...: the host key must be the one that kiln init made
lab_ssh() {
	local node=$1
	shift
	ssh -q -i key -p "$(jq -r --arg n "$node" '.nodes[$n].ssh' forwards.json)" -o IdentitiesOnly=yes -o BatchMode=yes \
		-o StrictHostKeyChecking=yes -o GlobalKnownHostsFile=/dev/null -o "UserKnownHostsFile=$PWD/out/known_hosts" \
		-o "HostKeyAlias=$node" -o ConnectTimeout=20 lab@127.0.0.1 "$@" </dev/null
}
