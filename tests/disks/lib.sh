# shellcheck shell=bash
# What the cases of tests/disks share: results, nodes with files for disks, the agent's turns.
#
# run.sh sets $work (the folder it stands in), $agent and $golden.

ours=6f9e2c7a-1d24-4a57-9a3f-5c1f0c6b7d10
guid=ad69180a-8a06-87b7-ae0a-edf9a32f7324 # of sheep's golden node.json
gib=$((1 << 30)) mib=$((1 << 20))
root_start=$((206848 * 512))
passed=0 failed=0 skipped=0

fail() {
	echo "FAIL $*"
	failed=$((failed + 1))
}
# same NAME WANT GOT
same() {
	if [ "$2" = "$3" ]; then passed=$((passed + 1)); else fail "$1: '$3', not '$2'"; fi
}
# has NAME TEXT PART
has() {
	if [[ $2 == *"$3"* ]]; then passed=$((passed + 1)); else fail "$1: '$3' is missing in: $2"; fi
}

shims() {
	local t
	mkdir bin
	for t in btrfs partx udevadm; do
		printf '#!/bin/sh\necho "%s $*" >>"$CALLS"\n' $t >bin/$t
		chmod +x bin/$t
	done
	export PATH=$PWD/bin:$PATH CALLS=$PWD/calls
}

# disk ROOT NAME SERIAL: a disk without partitions in sysfs
disk() {
	local d=$1/sys/class/block/$2
	mkdir -p "$d/device" "$d/holders" "$1/dev"
	echo $(($(stat -c %s "$1/dev/$2") / 512)) >"$d/size"
	echo 0 | tee "$d/removable" >"$d/ro"
	echo "$3" >"$d/device/serial"
	echo "259:$(find "$1/sys/class/block" -maxdepth 1 -type d | wc -l)" >"$d/dev"
}

# part ROOT DISK NAME NUMBER SECTORS
part() {
	local d=$1/sys/class/block/$2/$3
	mkdir -p "$d/holders"
	echo "$4" >"$d/partition"
	echo "$5" >"$d/size"
	ln -sfn "$2/$3" "$1/sys/class/block/$3"
}

# What `kiln flash` leaves: boot and a small root at the start, all else as it was.
image() { # FILE
	truncate -s 0 img
	truncate -s 3G img
	printf 'label: gpt\nstart=2048,size=204800,type=EBD0A0A2-B9E5-4433-87C0-68B6B72699C7,name=boot\nsize=1024000,type=B921B045-1DF0-41C3-AF44-4C6F280D3FAE,name=root\n' |
		sfdisk -q img
	mkfs.vfat -F 32 --offset 2048 img 102400 >/dev/null 2>&1
	printf 'the new root' | dd of=img bs=1 seek=$root_start conv=notrunc status=none
	fallocate --punch-hole --length $((root_start + 500 * mib)) "$1" # zeros that take no room
	dd if=img of="$1" bs=1M count=$((root_start / mib + 500)) conv=notrunc,sparse status=none
	sgdisk -e "$1" >/dev/null 2>&1
}

# node NAME JQ: a root folder with node.json, less what is not about disks
node() {
	local r=$work/$1
	mkdir -p "$r/etc/kiln" "$r/etc/repart.d" "$r/var/lib" "$r/run/kiln" "$r/proc/self" "$r/dev"
	echo '21 1 0:20 /@ / rw shared:1 - btrfs /dev/nvme0n1p2 rw' >"$r/proc/self/mountinfo"
	echo 'Filename Type Size Used Priority' >"$r/proc/swaps"
	printf 'disk=nvme0n1\nboot=nvme0n1p1\nroot=nvme0n1p2\n' >"$r/run/kiln/init"
	cp "$golden/sheep/etc/repart.d/50-root.conf" "$r/etc/repart.d/"
	jq --arg fsid $ours --argjson now "$(date +%s)" "
		.host.modules = [] | .host.cgroups = [] | .host.sysctls = {} | .node.ntp = []
		| .node.interface = \"none0\" | .clock_floor = (\$now - 60) | .bundle = null
		| .cluster.fsid = \$fsid | .storage.root_size_bytes = 8 * $gib | $2" \
		"$golden/sheep/etc/kiln/node.json" >"$r/etc/kiln/node.json"
}

system_disk() { # NAME
	disk "$work/$1" nvme0n1 SYSTEM1
	part "$work/$1" nvme0n1 nvme0n1p1 1 204800
	part "$work/$1" nvme0n1 nvme0n1p2 2 1024000
}

state() { # NAME STEP FIELD
	jq -r --arg s "$2" --arg f "$3" '.steps[]|select(.name==$s)|.[$f]//""' \
		"$work/$1/run/kiln/status.json" 2>/dev/null
}

# turn NAME: run the agent until both steps have come to something; the states in $ceph and $disk
turn() {
	local n
	rm -f "$work/$1/run/kiln/status.json"
	: >"$CALLS"
	KILN_ROOT=$work/$1 KILN_CONSOLE=/dev/null "$agent" run >"$work/log" 2>&1 &
	pid=$!
	for ((n = 0; n < 600; n++)); do
		ceph=$(state "$1" ceph-disk state) disk=$(state "$1" disk state)
		case $ceph/$disk in
		done/done | failed/done | failed/failed | failed/waiting | done/failed) break ;;
		esac
		kill -0 $pid 2>/dev/null || break
		sleep 0.1
	done
	kill $pid 2>/dev/null
	wait $pid 2>/dev/null
	pid=
	why=$(state "$1" ceph-disk reason) disk_why=$(state "$1" disk reason)
	[ "$disk" != failed ] || echo "$1: disk: $disk_why"
}

# range FILE START END: digest of a part; holes are skipped
range() {
	python3 - "$@" <<-'P'
	import hashlib, os, sys
	fd = os.open(sys.argv[1], os.O_RDONLY)
	at, end = int(sys.argv[2]), int(sys.argv[3])
	h, zero = hashlib.sha256(), bytes(1 << 16)
	while at < end:
	    try:
	        data = os.lseek(fd, at, os.SEEK_DATA)
	    except OSError:
	        break
	    at = max(at, data & ~0xffff)
	    if at >= end:
	        break
	    b = os.pread(fd, min(1 << 16, end - at), at)
	    if b.strip(b'\0'):
	        h.update(at.to_bytes(8, 'little') + b)
	    at += 1 << 16
	print(h.hexdigest())
	P
}
# All but the tables: the first and the last MiB.
inner() { range "$1" $mib $(($(stat -c %s "$1") - mib)); }

# entry FILE NUMBER FIELD
entry() { sfdisk -J "$1" | jq -r --argjson n "$2" --arg f "$3" '.partitiontable.partitions[$n - 1][$f]//""'; }

make_osd() { # FILE FSID SIZE_BYTES
	rm -rf osd
	mkdir osd
	truncate -s "$3" osd/block
	printf '[global]\nfsid=%s\n' "$2" >ceph.conf
	monmaptool --create --clobber --fsid "$2" --add a 127.0.0.1 monmap >/dev/null 2>&1
	timeout 300 nice ceph-osd -c ceph.conf -i 0 --mkfs --osd-data "$PWD/osd" \
		--osd-uuid "$(cat /proc/sys/kernel/random/uuid)" --monmap monmap --osd-objectstore bluestore \
		--bluestore-block-size "$3" --no-mon-config --log-file /dev/null --setuser root --setgroup root \
		--keyring /dev/null --key AQBzHTpnAAAAABAA0000000000000000000000== >mk.log 2>&1 || return 1
	mv osd/block "$1"
}
