#!/bin/bash
# Runs on the node as root, on a throw-away copy of the image: installs Debian's containerd and
# runc from the further disk, makes a container image on the spot and runs it. Output as guest.sh.
# ctr is a big program, and starting it is what takes time under emulation: few calls of it.
yes() { # name, command...
	local what=$1 out
	shift
	if out=$("$@" 2>&1 </dev/null); then echo "ok - $what"; else printf 'not ok - %s\n%s\n' "$what" "$(printf '%s\n' "$out" | tail -n 6 | sed 's/^/#   /')"; fi
}
work=/var/tmp/kt dir=/var/lib/rancher/kt group=/default
mkdir -p $work $dir/root

unpack() {
	local disk
	for disk in /dev/nvme?n1; do # the one that is a tar
		[ "$(dd if="$disk" bs=1 skip=257 count=5 status=none)" != ustar ] || break
	done
	tar -C $work -xf "$disk"
}
yes "packages from the further disk" unpack
install_debs() {
	systemctl mask containerd.service && DEBIAN_FRONTEND=noninteractive dpkg --force-unsafe-io -i $work/*.deb
}
yes "Debian's containerd and runc install" install_debs
yes "dpkg is content with them" sh -c '[ -z "$(dpkg --audit)" ]'

# containerd of our own with its state where K3s has it: on subvolume @rancher
cat >$work/config.toml <<-TOML
	version = 2
	root = "$dir/root"
	state = "/run/kt"
	disabled_plugins = ["io.containerd.grpc.v1.cri", "io.containerd.snapshotter.v1.btrfs"]
	[grpc]
	  address = "/run/kt.sock"
TOML
# not K3s' own ctr, which stands before it in PATH
c() { /usr/bin/ctr -a /run/kt.sock "$@"; }
start() {
	systemd-run --quiet --unit=kt-containerd -p Delegate=yes -E PATH=/usr/sbin:/usr/bin /usr/bin/containerd -c $work/config.toml || return 1
	for _ in $(seq 600); do
		[ -S /run/kt.sock ] && return 0
		sleep 1
	done
	journalctl -q -u kt-containerd -n 20 --no-pager
	return 1
}
yes "containerd starts" start

# an image of two layers, in the form that 'docker save' writes
layer() { # folder: its digest; the layer is <folder>.tar
	tar -C "$1" --owner=0 --group=0 --sort=name -cf "$1.tar" . && sha256sum "$1.tar" | cut -d' ' -f1
}
image() {
	local i=$work/image a b arch
	arch=$(dpkg --print-architecture)
	mkdir -p $i/one/bin $i/one/tmp $i/two/etc && cp /usr/bin/busybox $i/one/bin/ || return 1
	for b in sh cat head tail hostname id ping sleep; do ln -s busybox $i/one/bin/$b; done
	echo "second layer" >$i/two/etc/kt
	a=$(layer $i/one) && b=$(layer $i/two) && rm -r $i/one $i/two || return 1
	printf '{"architecture":"%s","os":"linux","config":{},"rootfs":{"type":"layers","diff_ids":["sha256:%s","sha256:%s"]}}' \
		"$arch" "$a" "$b" >$i/config.json
	echo '[{"Config":"config.json","RepoTags":["kiln.test/kt:1"],"Layers":["one.tar","two.tar"]}]' >$i/manifest.json
	tar -C $i -cf $work/image.tar manifest.json config.json one.tar two.tar && c images import --snapshotter overlayfs $work/image.tar
}
yes "an image made on the spot is imported" image
run() { c run --rm --snapshotter overlayfs "$@"; }
first() {
	local out
	# shellcheck disable=SC2016
	out=$(run kiln.test/kt:1 kt1 /bin/sh -c 'echo "$(hostname) $$ $(id -u) $(cat /etc/kt)"; echo w >/kt-file; cat /kt-file') || {
		echo "$out"
		return 1
	}
	echo "$out"
	grep -q ' 1 0 second layer' <<<"$out" && grep -qx w <<<"$out" && [ ! -e /kt-file ]
}
yes "a container of it runs: own PIDs, both layers, writes" first

# a container that stays, with a network of its own: a veth to the host
net() {
	ip netns add kt && ip link add kt-a type veth peer name kt-b netns kt && ip addr add 10.99.0.1/24 dev kt-a &&
		ip -6 addr add fd99::1/64 dev kt-a nodad && ip link set kt-a up && ip -n kt addr add 10.99.0.2/24 dev kt-b &&
		ip -n kt -6 addr add fd99::2/64 dev kt-b nodad && ip -n kt link set kt-b up && ip -n kt link set lo up
}
yes "a veth into a network namespace" net
yes "a container in it" c run -d --snapshotter overlayfs --with-ns network:/run/netns/kt kiln.test/kt:1 kt2 /bin/sleep 3600
overlay() { # its root is an overlay whose upper layer lies on the Btrfs subvolume of K3s
	local upper
	upper=$(findmnt -n -t overlay -o OPTIONS /run/kt/io.containerd.runtime.v2.task/default/kt2/rootfs | tr ',' '\n' | sed -n 's/^upperdir=//p')
	echo "upper: $upper on $(findmnt -nT "$upper" -o FSTYPE,FSROOT)"
	[[ $upper == "$dir"/* ]] && [ "$(findmnt -nT "$upper" -o FSTYPE)" = btrfs ] && [ "$(findmnt -nT "$upper" -o FSROOT)" = /@rancher ]
}
yes "its root is an overlay on subvolume @rancher" overlay
n=0
inside() { c task exec --exec-id e$((n++)) kt2 /bin/sh -c "$1"; }
# one answer of each address within the deadline; the first may take a moment
reach='for a in "$@"; do i=0; until ping -c 1 -W 5 $a; do i=$((i + 1)); [ $i -lt 12 ] || exit 1; done; done'
yes "from the container: both families over the veth" inside "set -- 10.99.0.1 fd99::1; $reach"
dropped() { # nftables stops each family, and only that
	local r=0
	nft add table inet kt && nft add chain inet kt in '{ type filter hook input priority 0; }' &&
		nft add rule inet kt in iifname kt-a ip protocol icmp counter drop || return 1
	inside "! ping -c 1 -W 3 10.99.0.1 && set -- fd99::1 && $reach" || r=1
	nft flush chain inet kt in
	nft add rule inet kt in iifname kt-a icmpv6 type echo-request counter drop
	inside "! ping -c 1 -W 3 fd99::1 && set -- 10.99.0.1 && $reach" || r=1
	nft list table inet kt
	nft delete table inet kt
	return $r
}
yes "nftables drops what it is told, by family" dropped
# tunnels as Cilium's, over that veth: the inner addresses answer
tunnel() { # type, network, options of both ends
	ip link add "kt-$1" type "$1" id 7 remote 10.99.0.2 ${3:+$3} && ip addr add "$2.1/24" dev "kt-$1" && ip link set "kt-$1" up &&
		ip -n kt link add "kt-$1" type "$1" id 7 remote 10.99.0.1 ${3:+$3} && ip -n kt addr add "$2.2/24" dev "kt-$1" &&
		ip -n kt link set "kt-$1" up
}
tunnels() { tunnel vxlan 10.97.0 "dstport 8472" && tunnel geneve 10.98.0 && inside "set -- 10.97.0.1 10.98.0.1; $reach"; }
yes "vxlan and geneve carry the container's packets" tunnels

limit() { # above its limit the kernel kills, and says of which cgroup
	local out code
	[ -z "$(swapon --noheadings)" ] || { echo "there is swap"; return 1; }
	out=$(run --memory-limit 33554432 kiln.test/kt:1 kt3 /bin/sh -c 'head -c 200000000 /dev/zero | tail -c 199000000 >/dev/null; echo "exit $?"')
	code=$?
	echo "container's exit $code: $out"
	for _ in $(seq 60); do # until the journal has it
		journalctl -q -b -k -g "oom-kill:.*oom_memcg=$group/kt3" --no-pager | grep -q . && break
		sleep 1
	done
	journalctl -q -b -k -g "oom-kill:.*oom_memcg=$group/kt3" --no-pager | grep -q . && ! grep -qx 'exit 0' <<<"$out"
}
yes "a memory limit kills in the container" limit
systemctl stop kt-containerd

modprobe nbd
$work/kernel-probe </dev/null
echo "# end"
