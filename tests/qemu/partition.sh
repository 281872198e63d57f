#!/usr/bin/env bash
# Root and Ceph on one disk, in real boots: the blank rest becomes Ceph's partition; then, with a
# live OSD in it, the disk is imaged anew with the same storage.root.size, and once more with a larger
# one: the OSD is found again, its entry is where it was, root grows up to it and not a byte of it
# is another.
# usage: partition.sh BUILD-FOLDER
set -u
kiln=$1/kiln
# shellcheck source=tests/qemu/lib.sh
. "$(dirname "$0")/lib.sh"
work=${KILN_QEMU_PARTITION_DIR:-$work-partition}
fsid=6f9e2c7a-1d24-4a57-9a3f-5c1f0c6b7d10
gib=$((1 << 30)) mib=$((1 << 20))
# boot partition and root begin where every image has them
root_start=$((1032 * mib)) root_size=$((8 * gib)) disk_size=$((32 * gib))

for tool in qemu-system-x86_64 mmdebstrap mkfs.btrfs ceph-osd sgdisk; do
	if ! command -v "$tool" >/dev/null; then
		skip "a partition for Ceph in QEMU" "no $tool; run make deps"
		finish
		exit
	fi
done

# cluster ROOT-SIZE: the cluster of the other QEMU tests, with Ceph on the system disk
cluster() {
	setup_cluster
	mkdir -p rook
	printf 'kiln: 1\ndescription: stands where Rook will be\nnamespace: rook-ceph\nsources: [{manifests: [ns.yaml]}]\n' >rook/component.yaml
	printf 'apiVersion: v1\nkind: Namespace\nmetadata: {name: rook-ceph}\n' >rook/ns.yaml
	sed -i "s/system: {min: 4GiB}/&\n      ceph: {partition: rest}/; s/root: {size: 16GiB/root: {size: $1/
		s/^  - net:.*/&\n  - rook-ceph: {path: .\/rook}/; s/^storage:/&\n  fsid: $fsid/" cluster.yaml
}
bake() { # LABEL
	if "$kiln" bake duck >bake.log 2>&1; then ok "$1"; else
		not_ok "$1" "$(tail -n 8 bake.log)"
		finish
		exit 1
	fi
}
# settled: both steps have come to an end; the node's status.json in $status
settled() {
	local end=$((SECONDS + boot_deadline))
	while [ $SECONDS -lt $end ]; do
		status=$(ssh_to duck sudo kiln-node status --json </dev/null 2>/dev/null)
		if jq -e '[.steps[] | select(.name == "ceph-disk" or .name == "disk") | .state] == ["done", "done"]' \
			<<<"$status" >/dev/null 2>&1; then return 0; fi
		sleep 2
	done
	return 1
}
reason() { jq -r --arg s "$1" '.steps[] | select(.name == $s) | .reason' <<<"$status"; }
entry() { jq -r --argjson n "$1" --arg f "$2" '.partitiontable.partitions[$n - 1][$f]' <<<"$table"; }
same() { # NAME WANT GOT
	if [ "$2" = "$3" ]; then ok "$1"; else not_ok "$1" "'$3', not '$2'"; fi
}
# up LABEL: boot it and look: $status, $table
up() {
	if ! start_vm duck "$work/disk.qcow2" --bus nvme || ! wait_login duck || ! settled; then
		not_ok "$1: comes up and settles its disk" "$(console; jq -c ".steps[]? | [.name, .state, .reason]" <<<"${status:-null}")"
		finish
		exit 1
	fi
	ok "$1: disk settled after $((SECONDS - started)) s"
	table=$(ssh_to duck sudo sfdisk -J /dev/nvme0n1 </dev/null)
	same "$1: the name that Ceph gets" /dev/nvme0n1p3 "$(ssh_to duck readlink -f /dev/disk/by-kiln/ceph </dev/null)"
	same "$1: root's file system fills its partition" "$(($(entry 2 size) * 512))" \
		"$(ssh_to duck sudo btrfs filesystem show --raw / </dev/null | sed -n 's/.*devid.*size \([0-9]*\) .*/\1/p')"
	check "$1: the kernel has the entry's size" test "$(ssh_to duck cat /sys/class/block/nvme0n1p3/size </dev/null)" = "$(entry 3 size)"
}
down() {
	ssh_to duck sudo systemctl poweroff </dev/null 2>/dev/null
	local n
	for ((n = 0; n < 1200; n++)); do
		kill -0 "$qemu_pid" 2>/dev/null || break
		sleep 0.1
	done
	cut_power
}
# digest FILE START END: of what is not a hole in it
digest() {
	python3 - "$@" <<-'P'
	import hashlib, os, sys
	fd = os.open(sys.argv[1], os.O_RDONLY)
	at, end, zero = int(sys.argv[2]), int(sys.argv[3]), bytes(1 << 16)
	h = hashlib.sha256()
	while at < end:
	    try:
	        at = max(at, os.lseek(fd, at, os.SEEK_DATA) & ~0xffff)
	    except OSError:
	        break
	    b = os.pread(fd, min(1 << 16, end - at), at) if at < end else b''
	    if b.strip(b'\0'):
	        h.update(at.to_bytes(8, 'little') + b)
	    at += 1 << 16
	print(h.hexdigest())
	P
}
# lay_mapped FILE DISK OFFSET: what is not a hole in it
lay_mapped() {
	python3 - "$@" <<-'P'
	import os, sys
	src, dst = os.open(sys.argv[1], os.O_RDONLY), os.open(sys.argv[2], os.O_RDWR)
	at, end, offset = 0, os.fstat(src).st_size, int(sys.argv[3])
	while at < end:
	    try:
	        at = os.lseek(src, at, os.SEEK_DATA)
	    except OSError:
	        break
	    hole = os.lseek(src, at, os.SEEK_HOLE)
	    while at < hole:
	        b = os.pread(src, min(1 << 20, hole - at), at)
	        os.pwrite(dst, b, offset + at)
	        at += len(b)
	P
}
# What `kiln flash` does: the image's mapped ranges, then the backup table at the disk's end.
image_anew() { # IMAGE DISK
	lay_mapped "$1" "$2" 0
	sgdisk -e "$2" >/dev/null
}
live_osd() { # DISK START SIZE
	rm -rf osd osd.conf monmap
	mkdir osd
	truncate -s "$3" osd/block
	printf '[global]\nfsid=%s\n' "$fsid" >osd.conf
	monmaptool --create --clobber --fsid "$fsid" --add a 127.0.0.1 monmap >/dev/null 2>&1
	timeout 300 ceph-osd -c osd.conf -i 0 --mkfs --osd-data "$work/osd" \
		--osd-uuid "$(cat /proc/sys/kernel/random/uuid)" --monmap monmap --osd-objectstore bluestore \
		--bluestore-block-size "$3" --no-mon-config --log-file /dev/null --setuser root --setgroup root \
		--keyring /dev/null --key AQBzHTpnAAAAABAA0000000000000000000000== >osd.log 2>&1 || return 1
	lay_mapped osd/block "$1" "$2"
	rm -rf osd
}

blank_rest() {
	bake "bake duck, root 8 GiB"
	rm -f disk.qcow2 disk.raw
	up "blank rest"
	same "blank rest: it is taken" 1 "$(reason ceph-disk | grep -c 'blank, is Ceph')"
	same "blank rest: root has its size" $root_size $(($(entry 2 size) * 512))
	same "blank rest: Ceph begins behind root" $((root_start + root_size)) $(($(entry 3 start) * 512))
	same "blank rest: and ends with the disk" $((disk_size - mib)) $((($(entry 3 start) + $(entry 3 size)) * 512))
	down
	qemu-img convert -O raw disk.qcow2 disk.raw
	rm disk.qcow2
}

# beside_an_osd LABEL ROOT-SIZE: the disk that the part before has left, or one like it, with an OSD
# in Ceph's part
beside_an_osd() {
	local start=$((root_start + root_size)) end=$((disk_size - mib)) before
	[ -e disk.raw ] || truncate -s $disk_size disk.raw
	if [ -z "$osd" ] && ! live_osd disk.raw $start $((end - start)); then
		not_ok "ceph-osd --mkfs" "$(tail -n 3 osd.log)"
		return
	fi
	osd=there
	cluster "$2"
	bake "$1: bake duck anew, root $2"
	image_anew out/duck.img disk.raw
	before=$(digest disk.raw $start $end)
	same "$1: imaged anew, Ceph's entry is gone" 2 "$(sfdisk -J disk.raw | jq '.partitiontable.partitions | length')"
	same "$1: and root has its small size" yes "$(sfdisk -J disk.raw |
		jq -r --argjson s $root_size 'if .partitiontable.partitions[1].size * 512 < $s then "yes" else . end')"
	rm -f disk.qcow2
	qemu-img convert -O qcow2 disk.raw disk.qcow2
	rm disk.raw
	up "$1"
	same "$1: the OSD is kept" 1 "$(reason ceph-disk | grep -c 'of this cluster is kept')"
	same "$1: its entry" "$start $end" "$(($(entry 3 start) * 512)) $((($(entry 3 start) + $(entry 3 size)) * 512))"
	same "$1: root ends before it" $root_size $(($(entry 2 size) * 512))
	same "$1: the node reads its label" 1 \
		"$(ssh_to duck sudo kiln-node probe --fsid $fsid /dev/nvme0n1p3 </dev/null | grep -c ': ours (')"
	down
	qemu-img convert -O raw disk.qcow2 disk.raw
	rm disk.qcow2
	same "$1: not a byte of it changed" "$before" "$(digest disk.raw $start $end)"
}
same_size() { beside_an_osd "beside a live OSD, root as before" 8GiB; }
larger() { beside_an_osd "beside a live OSD, larger root" 12GiB; }

osd=
cluster 8GiB
"$kiln" update >update.log 2>&1 || [ -f kiln.lock ] || {
	not_ok "kiln update" "$(tail -n 5 update.log)"
	finish
	exit 1
}
rm -f disk.qcow2 disk.raw # of a run that was cut short
# ONLY="same_size": that alone
for part in ${ONLY:-blank_rest same_size larger}; do $part; done
rm -f disk.raw
finish
