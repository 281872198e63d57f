#!/usr/bin/env bash
# Verdicts of `kiln-node probe` on images made by the real tools. Each image is hashed before
# and after: not one byte may change. Foreign ones are then damaged in ways that people
# damage disks (wipefs -a, first MiB zeroed, end zeroed) and must never become "blank"
# while any byte that somebody wrote is left at a place that is looked at.
set -u
probe=${KILN_NODE:?}
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d "${TMPDIR:-/tmp}/kiln-probe.XXXXXX")
loop=
trap '[ -z "$loop" ] || losetup -d "$loop"; rm -rf "$work"' EXIT
cd "$work" || exit 1
passed=0 failed=0 skipped=0
ours=6f9e2c7a-1d24-4a57-9a3f-5c1f0c6b7d10
other=c0ffee00-1234-4321-8765-0123456789ab

skip() {
	echo "skipped: $1: $2"
	skipped=$((skipped + 1))
}

# Of the mapped parts and where they are: some images are a terabyte of holes.
digest() {
	python3 "$here/digest.py" "$1"
}

# expect NAME VERDICT FILE [text that must be among the findings]
expect() {
	local name=$1 want=$2 file=$3 text=${4:-} before after out
	before=$(digest "$file")
	out=$("$probe" probe --fsid "$ours" "$file" 2>&1)
	after=$(digest "$file")
	if [ "$before" != "$after" ]; then
		echo "FAIL $name: the image was changed"
	elif [[ $out != "$file: $want ("* ]]; then
		echo "FAIL $name: not $want but: $out"
	elif [ -n "$text" ] && [[ $out != *"$text"* ]]; then
		echo "FAIL $name: '$text' is missing in: $out"
	else
		passed=$((passed + 1))
		return
	fi
	failed=$((failed + 1))
}

fresh() { # FILE SIZE
	rm -f "$1"
	truncate -s "$2" "$1"
}

zero() { # FILE OFFSET LENGTH (bytes)
	dd if=/dev/zero of="$1" bs=65536 seek="$2" count="$3" oflag=seek_bytes iflag=count_bytes conv=notrunc status=none
}

blank_disks() {
	local size
	for size in 1M 2M 3M 64M 5G 20G; do
		fresh d.img $size
		expect "blank of $size" blank d.img
	done
	fresh d.img 0
	expect "empty file" foreign d.img "its size is 0"
}

# One byte at each place that is looked at, and at its last byte.
single_bytes() {
	local g=$((1 << 30)) at
	for at in 0 1048575 $g $((g + 1048575)) $((10 * g)) $((10 * g + 1048575)) $((12 * g - 1048576)) $((12 * g - 1)); do
		fresh d.img 12G
		printf 'x' | dd of=d.img bs=1 seek="$at" conv=notrunc oflag=seek_bytes status=none
		expect "one byte at $at" foreign d.img "at 0x$(printf %x "$at"): data that is not zero"
	done
	fresh d.img 1100G
	printf 'x' | dd of=d.img bs=1 seek=$((1000 * g + 77)) conv=notrunc oflag=seek_bytes status=none
	expect "one byte beyond 1000 GiB" foreign d.img "data that is not zero"
	fresh d.img 8G
	dd if=/dev/urandom of=d.img bs=1M seek=3000 count=40 conv=notrunc status=none
	expect "data only in the middle" foreign d.img "data that is not zero"
}

# damaged NAME FILE [ends]: what is left after the usual half-measures is still foreign
damaged() {
	local name=$1 file=$2 size
	size=$(stat -c %s "$file")
	cp --sparse=always "$file" cut.img
	wipefs -qaf cut.img
	expect "$name after wipefs -a" foreign cut.img
	cp --sparse=always "$file" cut.img
	zero cut.img 0 512
	expect "$name without its first sector" foreign cut.img
	cp --sparse=always "$file" cut.img
	zero cut.img $((size - 65536)) 65536
	expect "$name with its end zeroed" foreign cut.img
}

filesystems() {
	local name size text cmd
	while IFS='|' read -r name size text cmd; do
		if ! command -v "${cmd%% *}" >/dev/null; then
			skip "$name" "no ${cmd%% *}"
			continue
		fi
		fresh fs.img "$size"
		if ! eval "$cmd fs.img" >mk.log 2>&1 </dev/null; then
			skip "$name" "its tool failed: $(tail -n 1 mk.log)"
			continue
		fi
		expect "$name" foreign fs.img "$text"
		damaged "$name" fs.img
	done <<-E
	ext2|64M|ext2|mkfs.ext2 -q -F
	ext3|64M|ext3|mkfs.ext3 -q -F
	ext4|64M|ext4|mkfs.ext4 -q -F -L data
	xfs|512M|xfs|mkfs.xfs -q -f
	btrfs|256M|btrfs|mkfs.btrfs -q
	f2fs|256M|f2fs|mkfs.f2fs -q -f
	vfat|64M|vfat|mkfs.vfat -F 32 -n CARD
	exfat|64M|exfat|mkfs.exfat
	ntfs|64M|ntfs|mkfs.ntfs -q -F -f
	swap|64M|swap|mkswap -q
	luks1|64M|crypto_LUKS|cryptsetup luksFormat -q --type luks1 --iter-time 1 --key-file /etc/hostname
	luks2|64M|crypto_LUKS|cryptsetup luksFormat -q --type luks2 --pbkdf pbkdf2 --pbkdf-force-iterations 1000 --key-file /etc/hostname
	minix|8M|minix|mkfs.minix
	bfs|8M|bfs|mkfs.bfs
	E
	fresh fs.img 64M
	mkfs.vfat -F 32 fs.img >/dev/null
	printf 'hello' >file && mcopy -i fs.img file ::
	zero fs.img 0 1048576
	expect "vfat without its first MiB" foreign fs.img "data that is not zero"
}

tables() {
	fresh t.img 64M
	printf 'label: gpt\n2048,,\n' | sfdisk -q t.img
	expect "GPT" foreign t.img "primary GPT header"
	damaged GPT t.img
	zero t.img 0 1048576
	expect "GPT with its backup alone" foreign t.img "backup GPT header"
	fresh t.img 64M
	printf 'label: gpt\n' | sfdisk -q t.img
	expect "GPT without entries" foreign t.img "GPT"
	fresh t.img 64M
	printf 'label: dos\n2048,,\n' | sfdisk -q t.img
	expect "MBR" foreign t.img "a partition table (dos)"
	fresh t.img 64M
	parted -s t.img mklabel bsd 2>/dev/null && expect "BSD label" foreign t.img
	if fresh t.img 64M && fdisk -b 4096 t.img >/dev/null 2>&1 <<<$'g\nw\n'; then
		expect "GPT of a disk with 4 KiB sectors" foreign t.img "GPT"
		zero t.img 0 1048576
		expect "its backup alone" foreign t.img "GPT"
	else
		skip "GPT with 4 KiB sectors" "fdisk -b 4096 failed"
	fi
}

raid_and_lvm() {
	if ! [ -w /dev/loop-control ]; then
		skip "LVM and mdraid" "no loop device can be made here"
		return
	fi
	fresh l.img 128M
	loop=$(losetup -f --show l.img) || {
		skip "LVM and mdraid" "losetup failed"
		return
	}
	if pvcreate -q --devicesfile "" --config "devices{filter=[\"a|$loop|\",\"r|.*|\"]}" "$loop" >mk.log 2>&1; then
		sync l.img
		losetup -d "$loop"
		loop=
		expect "LVM" foreign l.img LVM2_member
		damaged LVM l.img
	else
		skip LVM "$(tail -n 1 mk.log)"
		losetup -d "$loop"
		loop=
	fi
	skip mdraid "needs the running kernel's md driver"
	skip ZFS "its tools are not in Debian's main"
}

make_osd() { # DIR FSID SIZE_BYTES
	rm -rf "$1"
	mkdir "$1"
	truncate -s "$3" "$1/block"
	printf '[global]\nfsid=%s\n' "$2" >ceph.conf
	monmaptool --create --clobber --fsid "$2" --add a 127.0.0.1 monmap >/dev/null 2>&1
	timeout 300 ceph-osd -c ceph.conf -i 0 --mkfs --osd-data "$PWD/$1" --osd-uuid "$(cat /proc/sys/kernel/random/uuid)" \
		--monmap monmap --osd-objectstore bluestore --bluestore-block-size "$3" --no-mon-config \
		--log-file /dev/null --setuser root --setgroup root --keyring /dev/null \
		--key AQBzHTpnAAAAABAA0000000000000000000000== >mk.log 2>&1
}

# A real OSD, made by Ceph's own ceph-osd.
bluestore() {
	local at step=149
	if ! command -v ceph-osd >/dev/null; then
		skip BlueStore "no ceph-osd"
		return
	fi
	if ! make_osd osd $ours 12884901888; then
		echo "FAIL ceph-osd --mkfs: $(tail -n 3 mk.log)"
		failed=$((failed + 1))
		return
	fi
	expect "OSD of ours" ours osd/block "$ours"
	if "$probe" probe --fsid $ours osd/block | grep -q AQBz; then
		echo "FAIL the OSD's key was printed"
		failed=$((failed + 1))
	fi
	# one bit flipped somewhere in the label's block: never ours, never blank
	[ -z "${KILN_FULL:-}" ] || step=11
	for ((at = 0; at < 4096; at += step)); do
		cp --sparse=always --reflink=auto osd/block cut.img
		python3 - cut.img $at <<-'E'
		import sys
		f = open(sys.argv[1], 'r+b')
		f.seek(int(sys.argv[2])); b = f.read(1)[0]
		f.seek(int(sys.argv[2])); f.write(bytes([b ^ 1]))
		E
		expect "OSD with a bit flipped at $at" foreign cut.img
	done
	cp --sparse=always osd/block cut.img
	wipefs -qaf cut.img
	expect "OSD after wipefs -a" foreign cut.img
	cp --sparse=always osd/block cut.img
	zero cut.img 0 4096
	expect "OSD without its label" foreign cut.img
	make_osd osd $other 12884901888 && expect "OSD of another cluster" foreign osd/block "storage.fsid"
	local out
	out=$("$probe" probe osd/block)
	if [[ $out == "osd/block: foreign"* && $out == *$other* ]]; then
		passed=$((passed + 1))
	else
		echo "FAIL OSD when our fsid is not known: $out"
		failed=$((failed + 1))
	fi
}

bad_input() {
	local out
	while IFS='|' read -r want args; do
		# shellcheck disable=SC2086
		out=$("$probe" probe $args 2>&1)
		if [[ $out == *"$want"* ]]; then
			passed=$((passed + 1))
		else
			echo "FAIL probe $args: $out"
			failed=$((failed + 1))
		fi
	done <<-E
	one device or file is to be named|
	cannot open 'no-such-disk': No such file or directory|no-such-disk
	is neither a block device nor a file|/tmp
	is neither a block device nor a file|/dev/null
	'xyz' is no fsid|--fsid xyz /dev/null
	is no option of probe|--wat /dev/null
	'kiln-node probe --help' tells more|--wat /dev/null
	E
	fresh d.img 2M
	if "$probe" probe --json d.img | python3 -c 'import json,sys; j=json.load(sys.stdin); assert j["verdict"]=="blank" and j["size_bytes"]==2097152 and j["found"]==[]'; then
		passed=$((passed + 1))
	else
		echo "FAIL probe --json"
		failed=$((failed + 1))
	fi
}

blank_disks
single_bytes
filesystems
tables
raid_and_lvm
bluestore
bad_input
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" = 0 ]
