# shellcheck shell=bash
# What the demo and tests/qemu/cluster share: the lab of examples/lab in the folder where we are.
#
# Sourced with $src (the tree), $kiln (the program) and $real: "" for testk3s, "release" for the K3s
# release that kiln.lock names, or a folder with a real k3s and k3s-arm64.

# Does the server of K3s' releases have the one that the lab names?
lab_release_answers() {
	local version
	version=$(sed -n 's/^ *version: *\(v[^ ]*\).*/\1/p' "$src/examples/lab/cluster.yaml")
	curl -sfL --max-time 10 -o /dev/null \
		"${KILN_K3S_URL:-https://github.com/k3s-io/k3s/releases/download}/${version/+/%2B}/sha256sum-amd64.txt"
}

# Cilium's chart, the network of a real K3s, is rendered by helm
lab_helm() {
	if [ -z "$real" ] || command -v "${KILN_HELM:-helm}" >/dev/null; then return; fi
	KILN_HELM=$(make -s -C "$src" helm | tail -n 1) && export KILN_HELM
}

# k3s and k3s-arm64 into this folder; what is there and the same stays as it is
lab_k3s() {
	if [ "$real" = release ]; then return; fi # of kiln.lock
	if [ -n "$real" ]; then
		install -m 0755 "$real/k3s" k3s && install -m 0755 "$real/k3s-arm64" k3s-arm64
		return
	fi
	local bin
	bin=$(bash "$src/tests/cluster/build.sh" testk3s testk3s-agent kwok) || return 1
	bash "$src/tests/cluster/attach.sh" "$bin/testk3s" "$bin/kwok" k3s.new
	cmp -s k3s.new k3s || mv k3s.new k3s
	rm -f k3s.new
	cmp -s "$bin/testk3s-agent-arm64" k3s-arm64 || install -m 0755 "$bin/testk3s-agent-arm64" k3s-arm64
}

# cluster.yaml with a key of our own, and the components. Pods of a real K3s need a real network.
lab_cluster() {
	local edit=()
	[ -z "$real" ] || edit+=(-e 's|- net: .*|- cilium|')
	[ "$real" != release ] || edit+=(-e '/^ *binary: k3s/d')
	[ -f key ] || ssh-keygen -q -t ed25519 -N '' -C kiln-lab -f key
	sed -e "s|- ssh-ed25519 .*|- $(cat key.pub)|" "${edit[@]}" "$src/examples/lab/cluster.yaml" >cluster.yaml
	for c in net store web; do
		rm -rf "$c" && cp -r "$src/examples/lab/$c" "$c"
	done
	[ -d .kiln/secrets ] || "$kiln" init
}

# The lock and what it names: what is there serves for a week, and longer where there is no network,
# while cluster.yaml and the components stay the same
lab_lock() {
	local of same
	of=$(cat cluster.yaml net/* store/* web/* | sha256sum)
	[ -f kiln.lock ] && [ "$of" = "$(cat lock.of 2>/dev/null)" ] && same=yes || same=''
	if [ -n "$same" ] && [ -n "$(find lock.of -mtime -7)" ]; then return; fi
	if lab_update; then echo "$of" >lock.of; else [ -n "$same" ]; fi
}
# Without a real K3s no container runs: the images are then made on the spot and served from this
# machine, so that locking, fetching and packing them is the real thing.
lab_update() {
	local server='' ok=0
	if [ -n "$real" ]; then
		"$kiln" update && "$kiln" fetch
		return
	fi
	rm -rf registry
	# shellcheck disable=SC2046
	PYTHONDONTWRITEBYTECODE=1 python3 "$src/tests/images/serve.py" "$PWD/registry" \
		$(grep -rhoE 'image: *[^ ]+' net store web | sed 's/image: *//' | sort -u) >registry.log 2>&1 &
	server=$!
	for _ in $(seq 1200); do
		[ ! -e registry/ready ] && kill -0 $server 2>/dev/null || break
		sleep 0.1
	done
	{ CONTAINERS_REGISTRIES_CONF=$PWD/registry/registries.conf "$kiln" update &&
		CONTAINERS_REGISTRIES_CONF=$PWD/registry/registries.conf "$kiln" fetch; } || ok=$?
	kill $server && wait $server || true
	[ $ok = 0 ] || tail -n 5 registry.log
	return $ok
}

# lab_ssh NODE COMMAND...: the host key must be the one that kiln init made
lab_ssh() { lab_ssh_in "$@" </dev/null; }
lab_ssh_in() { # the same, with our standard input
	local node=$1
	shift
	ssh -q -i key -p "$(jq -r --arg n "$node" '.nodes[$n].ssh' forwards.json)" -o IdentitiesOnly=yes -o BatchMode=yes \
		-o StrictHostKeyChecking=yes -o GlobalKnownHostsFile=/dev/null -o "UserKnownHostsFile=$PWD/out/known_hosts" \
		-o "HostKeyAlias=$node" -o ConnectTimeout=20 lab@127.0.0.1 "$@"
}
