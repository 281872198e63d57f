# shellcheck shell=bash
# Root and Ceph on one disk: its range is blank, holds an OSD, or something foreign.

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
