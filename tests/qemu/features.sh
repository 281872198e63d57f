#!/bin/bash
# Runs on the node as root: the kernel features that K3s, Cilium and Rook need, each used or
# loaded; a container made by hand from what the image has. Output as guest.sh.
yes() { # name, command...
	local what=$1 out
	shift
	if out=$("$@" 2>&1 </dev/null); then echo "ok - $what"; else printf 'not ok - %s\n%s\n' "$what" "$(printf '%s\n' "$out" | tail -n 6 | sed 's/^/#   /')"; fi
}

for m in overlay br_netfilter vxlan geneve wireguard rbd ceph nbd veth ip_set ip_vs ip_vs_rr ip_vs_wrr ip_vs_sh nf_tables \
	nft_chain_nat nft_masq nft_compat nf_conntrack nfnetlink_log xt_conntrack xt_addrtype xt_multiport xt_nat xt_MASQUERADE \
	xt_REDIRECT xt_statistic xt_set xt_TPROXY xt_CT xt_socket xt_mark xt_comment cls_bpf act_bpf act_mirred sch_ingress \
	sch_fq algif_hash xfrm_user esp4 esp6 dm_crypt; do
	yes "module $m" sh -c "modprobe $m || grep -q '/$m\\.ko' /lib/modules/\$(uname -r)/modules.builtin"
done
btf() { # the header's magic, and the types that CO-RE programs ask for
	[ "$(od -An -tx2 -N2 /sys/kernel/btf/vmlinux | tr -d ' ')" = eb9f ] && grep -aq 'task_struct' /sys/kernel/btf/vmlinux &&
		grep -aq '__sk_buff' /sys/kernel/btf/vmlinux
}
yes "BTF of the kernel" btf
yes "BPF file system" sh -c 'findmnt -n -t bpf /sys/fs/bpf || mount -t bpf bpf /sys/fs/bpf'

# links as Cilium makes them
links() {
	ip link add kt-vx type vxlan id 7 dstport 8472 dev lo && ip link add kt-ge type geneve external &&
		ip link add kt-wg type wireguard
	local r=$?
	ip link del kt-vx
	ip link del kt-ge
	ip link del kt-wg
	return $r
}
yes "vxlan, geneve and wireguard links" links

# both families over a veth into a network namespace, through nftables
pair() {
	ip netns add kt && ip link add kt-a type veth peer name kt-b netns kt &&
		ip addr add 10.99.0.1/24 dev kt-a && ip -6 addr add fd99::1/64 dev kt-a nodad && ip link set kt-a up &&
		ip -n kt addr add 10.99.0.2/24 dev kt-b && ip -n kt -6 addr add fd99::2/64 dev kt-b nodad &&
		ip -n kt link set kt-b up && ip -n kt link set lo up && sleep 1 &&
		ip netns exec kt ping -c 1 -W 5 10.99.0.1 && ip netns exec kt ping -c 1 -W 5 fd99::1
}
yes "both families over a veth" pair
nft_drop() { # a rule that drops must drop, in both families
	nft add table inet kt && nft add chain inet kt in '{ type filter hook input priority 0; }' &&
		nft add rule inet kt in iifname kt-a counter drop && ! ip netns exec kt ping -c 1 -W 2 10.99.0.1 &&
		! ip netns exec kt ping -c 1 -W 2 fd99::1
	local r=$?
	nft delete table inet kt
	return $r
}
if command -v nft >/dev/null; then yes "nftables drops what it is told" nft_drop; else echo "# no nft in the image"; fi
ip netns del kt 2>/dev/null

# a container: overlay whose layers lie on the Btrfs subvolume that K3s uses, own namespaces
dir=/var/lib/rancher/kt
mkdir -p $dir/{upper,work,root}
container() {
	mount -t overlay overlay -o lowerdir=/,upperdir=$dir/upper,workdir=$dir/work $dir/root &&
		unshare --mount --pid --uts --ipc --net --fork --mount-proc --root=$dir/root \
			sh -c 'hostname inside && [ "$(hostname)" = inside ] && [ $$ = 1 ] && echo written >/kt-file' &&
		[ "$(cat $dir/upper/kt-file)" = written ] && [ ! -e /kt-file ]
}
yes "a container on overlay over Btrfs" container
umount $dir/root 2>/dev/null
rm -rf $dir
limit() { # a process above its memory limit is killed, and the cgroup says so
	local result
	systemd-run --quiet --wait --unit=kt-limit -p MemoryMax=24M -p MemorySwapMax=0 \
		sh -c 'head -c 200M /dev/zero | tail -c 199M >/dev/null'
	result=$(systemctl show -P Result kt-limit)
	systemctl reset-failed kt-limit 2>/dev/null
	journalctl -q -b -k -g 'Memory cgroup out of memory' --no-pager | grep -q . || { echo "no kill by the kernel; result: $result"; return 1; }
}
yes "a memory limit kills" limit
# nodatacow on the data folders of etcd and SQLite
nocow() {
	local d=/var/lib/rancher/k3s/server/db
	mkdir -p $d && lsattr -d $d | grep -q 'C'
}
yes "database folders are nodatacow" nocow
echo "# end"
