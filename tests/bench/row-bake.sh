#!/usr/bin/env bash
# A board's image with its base root cached, against mkfs.btrfs and cp of the same tree, and
# against genimage (ext4: it makes no Btrfs), which has the tree unpacked and the boot files made.
# shellcheck source=tests/bench/lib.sh
. "$(dirname "$0")/lib.sh"
bench_cluster || exit 1
tree=$bench_dir/tree
rm -rf "$tree" && mkdir -p "$tree"
# the very tree: out of the image, by btrfs' own tool
"$kiln" inspect --json out/duck.img | jq -r '.partitions[1] | "\(.start_bytes) \(.size_bytes)"' >"$bench_dir/at"
read -r start size <"$bench_dir/at"
dd if=out/duck.img of="$bench_dir/p2" bs=1M skip=$((start >> 20)) count=$((size >> 20)) conv=sparse status=none
btrfs restore -S -m -x "$bench_dir/p2" "$tree" >/dev/null 2>&1
rm -f "$bench_dir/p2"
peer() {
	truncate -s "$size" "$bench_dir/peer.img" &&
		mkfs.btrfs -q -f -s 4096 --compress zstd:1 --rootdir "$tree" "$bench_dir/peer.img" &&
		cp --sparse=always "$bench_dir/peer.img" "$bench_dir/peer2.img" && sync "$bench_dir/peer2.img"
}
kiln_once() {
	rm -rf "$KILN_CACHE"/images out/duck.img && mkdir "$KILN_CACHE/images" && "$kiln" bake duck
}
median() { printf '%s\n' "$@" | sort -n | sed -n "$((($# + 1) / 2))p"; }
# in turns, so that a machine that slows down slows both; the first of each warms the page cache
ps=() ks=()
for n in 0 1 2 3; do
	p=$(seconds peer) || exit 1
	rm -f "$bench_dir"/peer*.img
	k=$(private_cache bake && seconds kiln_once) || exit 1
	rm -rf "$bench_dir/cache.bake"
	[ $n = 0 ] || { ps+=("$p") && ks+=("$k"); }
done
p=$(median "${ps[@]}") k=$(median "${ks[@]}")
echo "# mkfs.btrfs and cp: ${ps[*]} s; kiln bake: ${ks[*]} s; load $(cut -d' ' -f1-3 /proc/loadavg)" >&2
g=
if command -v genimage >/dev/null; then
	rm -rf "$bench_dir/gen" && mkdir -p "$bench_dir/gen/in" "$bench_dir/gen/empty"
	mcopy -s -n -i "out/duck.img@@8M" ::/ "$bench_dir/gen/in/" >/dev/null
	cat >"$bench_dir/gen/config" <<-CFG
		image boot.vfat { vfat { files = { $(cd "$bench_dir/gen/in" && printf '"%s",' *) } } size = 1G }
		image root.ext4 { ext4 { use-mke2fs = true } size = $((size >> 20))M mountpoint = "/" }
		image disk.img {
			hdimage { partition-table-type = gpt }
			partition boot { image = "boot.vfat" offset = 8M }
			partition root { image = "root.ext4" }
		}
	CFG
	by_genimage() {
		genimage --config "$bench_dir/gen/config" --rootpath "$tree" --inputpath "$bench_dir/gen/in" --tmppath "$bench_dir/gen/tmp" \
			--outputpath "$bench_dir/gen/out" && sync "$bench_dir/gen/out/disk.img"
	}
	g=$(seconds by_genimage) || g=
	rm -rf "$bench_dir/gen"
fi
rm -rf "$tree"
row bake "$k" "$p" "2x" s
[ -z "$g" ] || row bake-genimage "$k" "$g" "2x" s
