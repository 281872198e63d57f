#!/usr/bin/env bash
# Size of the initrds; initramfs-tools (MODULES=most) on the same kernel as peer.
# shellcheck source=tests/bench/lib.sh
. "$(dirname "$0")/lib.sh"
bench_cluster || exit 1
largest=0
for node in duck cow; do
	bytes=$("$kiln" inspect --json "out/$node.img" | jq '[.boot_files[] | select(.path | startswith("initrd-")) | .size_bytes] | max')
	[ "$bytes" -gt "$largest" ] && largest=$bytes
done
row initrd "$(awk -v b="$largest" 'BEGIN { printf "%.1f", b / 1048576 }')" - "12MiB" MiB
