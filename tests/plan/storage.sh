# shellcheck shell=sh
# systemd-repart grows root and nothing else, on an image with partitions as Kiln lays them out.
# shellcheck disable=SC2154,SC2016,SC2015
root_arm64=b921b045-1df0-41c3-af44-4c6f280d3fae
root_amd64=4f68bce3-e8cd-4db1-96e7-fbcaf984b709
linux=0fc63daf-8483-4772-8e79-3d69d8477de4
sectors() {
	sfdisk -d "$1" 2>/dev/null | sed -n "s/^[^ ]*$2 : .*size= *\([0-9]*\),.*/\1/p"
}
# repart NODE TYPE DISK-SIZE: prints the sectors of root and the number of partitions after it
repart() {
	rm -f "$tmp/disk"
	truncate -s 3G "$tmp/disk"
	printf 'label: gpt\n,1GiB,ebd0a0a2-b9e5-4433-87c0-68b6b72699c7,\n,1GiB,%s\n' "$2" |
		sfdisk -q "$tmp/disk" >/dev/null || return 1
	truncate -s "$3" "$tmp/disk"
	sfdisk -d "$tmp/disk" 2>/dev/null | grep 'disk1 :' >"$tmp/first"
	systemd-repart --dry-run=no --definitions="$golden/$1/etc/repart.d" "$tmp/disk" >/dev/null 2>"$tmp/repart" || {
		cat "$tmp/repart" >&2
		return 1
	}
	sfdisk -d "$tmp/disk" 2>/dev/null | grep 'disk1 :' | cmp - "$tmp/first" || return 1
	echo "$(sectors "$tmp/disk" disk2) $(sfdisk -d "$tmp/disk" 2>/dev/null | grep -c ' : start=')"
}
grows() {
	got=$(repart "$1" "$2" "$3") && [ "$got" = "$4 2" ] || {
		echo "root and partitions: $got, not $4 2" >&2
		return 1
	}
}
if need systemd-repart; then
	check "cow: root grows to 64 GiB and no further" grows home/cow $root_arm64 200G 134217728
	check "duck: the other architecture" grows home/duck $root_amd64 200G 134217728
	check "a: root.size of another cluster" grows lan4/a $root_amd64 200G 67108864
	got=$(repart home/cow $root_arm64 32G)
	if [ "${got% *}" -gt 60000000 ] && [ "${got% *}" -lt 67108864 ]; then ok; else fail "cow: a disk smaller than root.size: $got"; fi
	check "an OSD's partition behind root stays" sh -c '
		truncate -s 100G "$1/osd" &&
		printf "label: gpt\n,1GiB,ebd0a0a2-b9e5-4433-87c0-68b6b72699c7,\n,1GiB,%s\nstart=167772160,%s,%s,\n" \
			"$2" "" "$3" | sed "s/^start=\(.*\),,\(.*\),/start=\1,type=\2/" | sfdisk -q "$1/osd" >/dev/null &&
		sfdisk -d "$1/osd" 2>/dev/null | grep "osd3 :" >"$1/before" && [ -s "$1/before" ] &&
		systemd-repart --dry-run=no --definitions="$4/home/cow/etc/repart.d" "$1/osd" >/dev/null 2>&1 &&
		sfdisk -d "$1/osd" 2>/dev/null | grep "osd3 :" | cmp - "$1/before"' - "$tmp" $root_arm64 $linux "$golden"
	rm -f "$tmp/disk" "$tmp/osd"
else
	skip "systemd-repart is not installed"
fi
