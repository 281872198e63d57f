# shellcheck shell=sh
# udev runs the rule over a block device of this machine, in a namespace of its own; what the
# device is said to be comes from a rule before it.
# shellcheck disable=SC2154,SC2016,SC2015
dev=$(for d in /sys/block/*; do [ -e "$d/size" ] && [ "$(cat "$d/size")" -gt 0 ] && echo "$d" && break; done)
cat >"$tmp/udev-inside.sh" <<'INSIDE'
set -e
tmp=$1 rule=$2 pre=$3 dev=$4 devtype=$5
mkdir -p "$tmp/rules" "$tmp/dev"
rm -f "$tmp/rules"/*
# udev lets no rule change a device's type: ask for that of the device at hand instead
sed "s/^\(ENV{DEVTYPE}!=\)\"$devtype\"/\1\"disk\"/; t
	s/^\(ENV{DEVTYPE}!=\)\"disk\"/\1\"partition\"/" "$rule" >"$tmp/rules/90-kiln-ceph.rules"
printf '%s\n' "$pre" >"$tmp/rules/89-test.rules"
mount --rbind /dev "$tmp/dev"
mount -t tmpfs none /dev
touch /dev/null
mount --bind "$tmp/dev/null" /dev/null
mount --bind "$tmp/rules" /usr/lib/udev/rules.d
mount -t tmpfs none /etc/udev/rules.d
mount -t tmpfs none /run
SYSTEMD_LOG_LEVEL=debug udevadm test --action=add "$dev"
INSIDE
udev_run() {
	unshare -Urm sh "$tmp/udev-inside.sh" "$tmp" "$golden/$1/etc/udev/rules.d/90-kiln-ceph.rules" "$2" "$dev" "$3" \
		>"$tmp/udev" 2>&1
}
# In a test udev 257 runs no PROGRAM and takes it for one that succeeds: what it says that it would
# have run is run here.
programs_agree() {
	sed -n "s/.*skipping execution of '\(.*\)'\.\$/\1/p" "$tmp/udev" >"$tmp/programs"
	while read -r program; do
		$program || return 1
	done <"$tmp/programs"
}
gets_name() {
	grep -q 'disk/by-kiln/ceph' "$tmp/udev" && programs_agree
}
# named|unnamed NODE PROPERTIES DEVTYPE: whether a device like that gets the name
named() {
	udev_run "$1" "$2" "$3"
	gets_name || {
		cat "$tmp/udev" >&2
		return 1
	}
}
unnamed() {
	udev_run "$1" "$2" "$3"
	# the rule must have been read, or this says nothing
	grep -q 90-kiln-ceph.rules "$tmp/udev" && ! gets_name || {
		cat "$tmp/udev" >&2
		return 1
	}
}
guid=$(sed -n 's/^ENV{ID_PART_ENTRY_UUID}!="\([^"]*\)".*/\1/p' "$golden/home/cow/etc/udev/rules.d/90-kiln-ceph.rules")
if [ -z "$dev" ] || ! unshare -Urm true 2>/dev/null; then
	skip "udev's rule engine: no block device or no user namespace here"
else
	check "cow: the partition with our GUID" named home/cow "ENV{ID_PART_ENTRY_UUID}=\"$guid\"" partition
	check "cow: one with our label alone" unnamed home/cow "ENV{ID_PART_ENTRY_NAME}=\"ceph-osd\", ENV{ID_PART_ENTRY_UUID}=\"00000000-0000-0000-0000-000000000001\"" partition
	check "duck: by its serial" named home/duck "ENV{ID_SERIAL_SHORT}=\"S6PTNM0T812345\"" disk
	check "duck: where udev has the long serial only" named home/duck "ENV{ID_SERIAL}=\"S6PTNM0T812345\"" disk
	check "duck: another serial" unnamed home/duck "ENV{ID_SERIAL_SHORT}=\"S6PTNM0T812346\"" disk
	check "duck: a partition of the disk" unnamed home/duck "ENV{ID_SERIAL_SHORT}=\"S6PTNM0T812345\"" partition
	check "b: by its wwid" named lan4/b "ENV{ID_WWN}=\"naa.5002538e40a1b2c3\"" disk
	check "b: another wwid" unnamed lan4/b "ENV{ID_WWN}=\"naa.5002538e40a1b2c4\"" disk
	check "c: by its name in by-id" named lan4/c "SYMLINK+=\"disk/by-id/usb-Samsung_T7_S6XNNS0T-0:0\"" disk
	check "c: another name in by-id" unnamed lan4/c "SYMLINK+=\"disk/by-id/usb-Samsung_T7_S6XNNS0T-0:1\"" disk
	# lan4/a asks for SATA and 400 GiB to 2 TiB; bounds are moved to this machine's disk
	mkdir -p "$tmp/size/lan4/a/etc/udev/rules.d"
	size=$(cat "$dev/size")
	for bounds in "$size $size named" "$((size + 1)) $((size + 2)) unnamed" "1 $((size - 1)) unnamed"; do
		# shellcheck disable=SC2086
		set -- $bounds
		sed "s/-ge [0-9]*/-ge $1/; s/-le [0-9]*/-le $2/" \
			"$golden/lan4/a/etc/udev/rules.d/90-kiln-ceph.rules" >"$tmp/size/lan4/a/etc/udev/rules.d/90-kiln-ceph.rules"
		saved=$golden golden=$tmp/size
		check "a: $size sectors, $1 to $2: $3" "$3" lan4/a "ENV{ID_BUS}=\"ata\"" disk
		golden=$saved
	done
	check "a: not SATA" unnamed lan4/a "ENV{ID_BUS}=\"usb\"" disk
fi
if udevadm verify --help >/dev/null 2>&1; then
	for n in $nodes; do
		rule=$golden/$n/etc/udev/rules.d/90-kiln-ceph.rules
		if [ -e "$rule" ]; then
			check "$n: udevadm verify" sh -c 'udevadm verify --no-summary "$1" >/dev/null' - "$rule"
		fi
	done
else
	skip "udevadm verify: this udev is older than 254"
fi
