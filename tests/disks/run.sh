#!/usr/bin/env bash
# Steps ceph-disk and disk against files that stand for disks: a root folder has their sysfs, /dev and
# /proc as a node's kernel shows them. systemd-repart, libfdisk, ceph-osd and mkfs are the real
# ones; btrfs, partx and udevadm, which need a mounted root and a kernel's device, are
# played and their calls kept. What may not change is hashed before and after.
set -u
cd "$(dirname "$0")/../.." || exit 1
agent=${KILN_NODE:?} passed=0 failed=0 skipped=0
digest=$PWD/tests/probe/digest.py golden=$PWD/tests/golden/plan/home
work=$(mktemp -d "${TMPDIR:-/tmp}/kiln-disks.XXXXXX")
pid=
trap '[ -z "$pid" ] || kill -9 "$pid" 2>/dev/null; rm -rf "$work"' EXIT
cd "$work" || exit 1
ours=6f9e2c7a-1d24-4a57-9a3f-5c1f0c6b7d10
guid=ad69180a-8a06-87b7-ae0a-edf9a32f7324 # of sheep's golden node.json
gib=$((1 << 30)) mib=$((1 << 20))
root_start=$((206848 * 512))

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

partition_fresh() {
	local d=p/dev/nvme0n1 before all
	node p .
	truncate -s 20G $d
	image $d
	system_disk p
	before=$(inner $d)
	turn p
	same "blank range" done/done "$ceph/$disk"
	has "blank range: disk" "$disk_why" "root has 8192 MiB"
	has "blank range: reason" "$why" "blank, is Ceph's"
	same "root begins where it did" 206848 "$(entry $d 2 start)"
	same "root has its size" $((8 * gib / 512)) "$(entry $d 2 size)"
	same "GUID of Ceph's entry" "${guid^^}" "$(entry $d 3 uuid)"
	same "label of Ceph's entry" ceph-osd "$(entry $d 3 name)"
	same "Ceph begins behind root" $(((root_start + 8 * gib) / 512)) "$(entry $d 3 start)"
	same "Ceph ends at the last whole MiB" $((20 * gib / 512 - 2048)) \
		$(($(entry $d 3 start) + $(entry $d 3 size)))
	same "nothing but the tables changed" "$before" "$(inner $d)"
	has "sgdisk" "$(sgdisk -v $d)" "No problems found"
	has "the kernel is told" "$(cat calls)" "partx --update --nr 2"
	has "Btrfs grows" "$(cat calls)" "btrfs filesystem resize max"
	all=$(python3 "$digest" $d)
	turn p
	same "again" done/done "$ceph/$disk"
	same "again: not a byte changes" "$all" "$(python3 "$digest" $d)"
}

# reimage NAME SIZE_GIB WANT_ROOT_BYTES: the disk of partition_fresh with a live OSD, imaged anew
reimage() {
	local d=$1/dev/nvme0n1 osd_start=$((root_start + 8 * gib)) end=$((20 * gib - mib)) before
	node "$1" ".storage.root_size_bytes = $2 * $gib"
	cp --sparse=always live.img "$d"
	image "$d"
	system_disk "$1"
	before=$(range "$d" $osd_start $end)/$(inner "$d")
	turn "$1"
	same "$1" done/done "$ceph/$disk"
	has "$1: reason" "$why" "of this cluster is kept"
	same "$1: root" "$3" $(($(entry "$d" 2 size) * 512))
	same "$1: entry at the OSD" $osd_start/$end \
		$(($(entry "$d" 3 start) * 512))/$((($(entry "$d" 3 start) + $(entry "$d" 3 size)) * 512))
	same "$1: the OSD and all else" "$before" "$(range "$d" $osd_start $end)/$(inner "$d")"
	dd if="$d" of=part.img bs=1M iflag=skip_bytes skip=$osd_start count=$(((end - osd_start) / mib)) conv=sparse status=none
	truncate -s $((end - osd_start)) part.img
	has "$1: probe" "$("$agent" probe --fsid $ours part.img)" ": ours ("
	has "$1: Ceph reads its label" "$(ceph-bluestore-tool show-label --dev part.img 2>&1)" "$ours"
}

# refused NAME: failed, root waits, and not one byte is another
refused() {
	local d=$1/dev/nvme0n1 before
	system_disk "$1"
	before=$(python3 "$digest" "$d")
	turn "$1"
	same "$1" failed/waiting "$ceph/$disk"
	same "$1: not a byte changes" "$before" "$(python3 "$digest" "$d")"
}

# An image that was written without moving the backup table to the disk's end, root at its size.
partition_misplaced() {
	local d=m/dev/nvme0n1
	node m '.storage.root_size_bytes = 500 * 1048576'
	truncate -s 20G $d
	image $d
	dd if=img of=$d bs=1M conv=notrunc,sparse status=none
	dd if=/dev/zero of=$d bs=1M seek=$((20 * 1024 - 1)) count=1 conv=notrunc status=none
	dd if=img of=$d bs=512 skip=$((3 * gib / 512 - 33)) seek=$((3 * gib / 512 - 33)) conv=notrunc status=none
	system_disk m
	turn m
	same "misplaced backup" done/done "$ceph/$disk"
	has "misplaced backup: sgdisk" "$(sgdisk -v $d)" "No problems found"
	same "misplaced backup: root" 1024000 "$(entry $d 2 size)"
	same "misplaced backup: entry" "${guid^^}" "$(entry $d 3 uuid)"
}

partition_osd() {
	local at=$((root_start + 8 * gib))
	if ! command -v ceph-osd >/dev/null; then
		echo "skipped: no ceph-osd"
		skipped=$((skipped + 1))
		return
	fi
	if ! make_osd osd.img $ours $((20 * gib - mib - at)); then
		fail "ceph-osd --mkfs: $(tail -n 3 mk.log)"
		return
	fi
	cp --sparse=always p/dev/nvme0n1 live.img
	dd if=osd.img of=live.img bs=1M oflag=seek_bytes seek=$at conv=notrunc,sparse status=none
	reimage same-size 8 $((8 * gib))
	reimage larger 12 $((8 * gib))
	reimage smaller 4 $((4 * gib))
	node unknown-fsid '.cluster.fsid = null'
	cp --sparse=always live.img unknown-fsid/dev/nvme0n1
	image unknown-fsid/dev/nvme0n1
	refused unknown-fsid
	has "unknown fsid: named" "$why" "$ours"
	has "unknown fsid: next step" "$why" "storage.fsid"
	# a label of which one byte is another: never blank, never ours
	node damaged '.storage.root_size_bytes = 12884901888'
	cp --sparse=always live.img damaged/dev/nvme0n1
	printf 'X' | dd of=damaged/dev/nvme0n1 bs=1 seek=$((at + 200)) conv=notrunc status=none
	image damaged/dev/nvme0n1
	refused damaged
	# an OSD of ours is not wiped, whatever the seed says
	node never '.storage.wipe = ["SYSTEM1"]'
	cp --sparse=always live.img never/dev/nvme0n1
	image never/dev/nvme0n1
	system_disk never
	local before
	before=$(range never/dev/nvme0n1 $at $((20 * gib - mib)))
	turn never
	same "wipe of ours" done/done "$ceph/$disk"
	same "wipe of ours: kept" "$before" "$(range never/dev/nvme0n1 $at $((20 * gib - mib)))"
}

partition_foreign() {
	local at=$((root_start + 8 * gib)) d=foreign/dev/nvme0n1 before
	node foreign .
	truncate -s 20G $d
	image $d
	truncate -s 6G fs.img
	mkfs.ext4 -q -F fs.img
	dd if=fs.img of=$d bs=1M oflag=seek_bytes seek=$at conv=notrunc,sparse status=none
	refused foreign
	has "foreign: found" "$why" "ext4"
	has "foreign: where" "$why" "at 0x$(printf %x $((at + 1080)))"
	has "foreign: next step" "$why" "--wipe"
	before=$(range $d 65536 $at)
	node foreign '.storage.wipe = ["SYSTEM1"]'
	turn foreign
	same "wipe of the range" done/done "$ceph/$disk"
	same "wipe of the range: root and boot" "$before" "$(range $d 65536 $at)"
	same "wipe of the range: entry" $((at / 512)) "$(entry $d 3 start)"
	# another partition behind root
	node behind .
	truncate -s 20G behind/dev/nvme0n1
	image behind/dev/nvme0n1
	echo 'start=20971520,size=2097152' | sfdisk -q -a behind/dev/nvme0n1
	refused behind
	has "behind" "$why" "partition 3 is behind root"
	node small .
	truncate -s 12G small/dev/nvme0n1
	image small/dev/nvme0n1
	refused small
	has "small" "$why" "needs 5 GiB"
}

# whole NAME JQ: a node with Ceph on sda; its disk is made before
whole() {
	node "$1" '.storage.ceph = {partition: false, partition_uuid: null, partition_label: null,
		disk: {serial: "CEPH1"}} | '"$2"
	[ -e "$1/dev/nvme0n1" ] || {
		truncate -s 4G "$1/dev/nvme0n1"
		image "$1/dev/nvme0n1"
	}
	system_disk "$1"
	[ ! -e "$1/dev/sda" ] || disk "$work/$1" sda CEPH1
}

whole_disks() {
	local before
	mkdir -p w/dev
	truncate -s 6G w/dev/sda
	whole w .
	before=$(python3 "$digest" w/dev/sda)
	turn w
	same "blank disk" done/done "$ceph/$disk"
	same "blank disk: not a byte" "$before" "$(python3 "$digest" w/dev/sda)"
	has "root fills the disk" "$disk_why" "root has 399"
	if [ -e osd.img ]; then
		mkdir -p wo/dev
		cp --sparse=always osd.img wo/dev/sda
		whole wo '.storage.wipe = ["CEPH1"]'
		before=$(python3 "$digest" wo/dev/sda)
		turn wo
		has "OSD of ours" "$ceph $why" "done"
		has "OSD of ours: reason" "$why" "is kept"
		same "OSD of ours: not a byte" "$before" "$(python3 "$digest" wo/dev/sda)"
	fi
	mkdir -p wf/dev
	truncate -s 6G wf/dev/sda
	mkfs.ext4 -q -F wf/dev/sda
	cp --sparse=always wf/dev/sda foreign.img
	whole wf '.storage.wipe = ["CEPH2"]'
	before=$(python3 "$digest" wf/dev/sda)
	turn wf
	same "foreign disk" failed/done "$ceph/$disk"
	has "foreign disk: found" "$why" "ext4"
	same "foreign disk: not a byte" "$before" "$(python3 "$digest" wf/dev/sda)"
	echo '22 1 8:0 / /srv rw - ext4 /dev/sda rw' >>wf/proc/self/mountinfo
	jq '.storage.wipe = ["CEPH1"]' wf/etc/kiln/node.json >j && mv j wf/etc/kiln/node.json
	turn wf
	has "mounted disk" "$ceph $why" "failed the disk that cluster.yaml names for Ceph may not be taken"
	has "mounted disk: where" "$why" "sda is mounted at /srv"
	same "mounted disk: not a byte" "$before" "$(python3 "$digest" wf/dev/sda)"
	whole wf '.storage.ceph.disk = {serial: "NONE"}'
	turn wf
	has "no such disk" "$why" "no disk is the one that cluster.yaml names"
	has "no such disk: table" "$why" "serial CEPH1"
}

# kill -9 at each write, the journal's and the disk's: the journal came first, a restart
# goes on, once. From the record on it needs no more word from the seed.
wipe_killed() {
	local n begun cut=0 before
	if ! strace -qq -o /dev/null true 2>/dev/null; then
		echo "skipped: strace cannot trace here"
		skipped=$((skipped + 1))
		return
	fi
	before=$(python3 "$digest" foreign.img)
	for ((n = 1; n < 40; n++)); do
		rm -rf k
		mkdir -p k/dev
		cp --sparse=always foreign.img k/dev/sda
		whole k '.storage.wipe = ["CEPH1"] | .storage.root_size_bytes = 1'
		KILN_ROOT=$work/k KILN_CONSOLE=/dev/null timeout -s KILL 20 strace -qq -o /dev/null \
			-e trace=pwrite64 -e inject=pwrite64:signal=KILL:when=$n "$agent" run >log 2>&1
		grep -q 'wipe-end CEPH1' k/var/lib/kiln/journal && break
		begun=$(grep -c 'wipe-begin CEPH1' k/var/lib/kiln/journal)
		if [ "$begun" = 0 ]; then
			same "killed at write $n: nothing was written" "$before" "$(python3 "$digest" k/dev/sda)"
		else
			cut=$((cut + 1))
			jq '.storage.wipe = []' k/etc/kiln/node.json >j && mv j k/etc/kiln/node.json
		fi
		turn k
		has "killed at write $n: goes on" "$ceph $why" "done"
		has "killed at write $n: blank" "$("$agent" probe k/dev/sda)" ": blank ("
	done 2>/dev/null
	if ((cut >= 4)); then passed=$((passed + 1)); else fail "only $cut writes of the wipe were cut"; fi
	# consumed: what comes later is not wiped, even when the seed still asks
	whole k '.storage.wipe = ["CEPH1"] | .storage.root_size_bytes = 1'
	cp --sparse=always foreign.img k/dev/sda
	before=$(python3 "$digest" k/dev/sda)
	turn k
	same "consumed: not a byte" "$before" "$(python3 "$digest" k/dev/sda)"
	same "consumed: one end" 1 "$(grep -c "wipe-end CEPH1" k/var/lib/kiln/journal)"
}

# kill -9 when the n-th record of the journal stands, whatever step wrote it, with the end of the
# journal lost besides: the next run comes to the same table, and nothing else has changed.
records_killed() {
	local n killed=0 d=r/dev/nvme0n1 before
	truncate -s 20G fresh.img
	image fresh.img
	before=$(inner fresh.img)
	for ((n = 1; n < 60; n++)); do
		rm -rf r
		node r .
		cp --sparse=always fresh.img $d
		system_disk r
		KILN_TEST_KILL_AFTER=$n turn r
		[ "$ceph/$disk" != done/done ] || break
		killed=$((killed + 1))
		((n % 2)) || truncate -s -$((n * 5 % 40 + 1)) r/var/lib/kiln/journal
		turn r
		same "killed at record $n" done/done "$ceph/$disk"
		same "killed at record $n: entry" "${guid^^} $(((root_start + 8 * gib) / 512))" "$(entry $d 3 uuid) $(entry $d 3 start)"
		same "killed at record $n: root" $((8 * gib / 512)) "$(entry $d 2 size)"
		same "killed at record $n: nothing but the tables" "$before" "$(inner $d)"
	done 2>/dev/null
	# ceph-disk: begin, accepted, done; disk: begin, grow, entry, done; and the clock's
	if ((killed >= 7)); then passed=$((passed + 1)); else fail "only $killed records were cut"; fi
	echo "killed at each of $killed records"
}

shims
# ONLY="partition_fresh; partition_osd": these alone
if [ -n "${ONLY:-}" ]; then eval "$ONLY"; echo "$passed passed, $failed failed, $skipped skipped"; exit; fi
partition_fresh
partition_misplaced
partition_osd
partition_foreign
whole_disks
wipe_killed
records_killed
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" = 0 ]
