# shellcheck shell=bash
# Ceph has a disk of its own.

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
