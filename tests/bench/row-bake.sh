#!/usr/bin/env bash
# A board's image with its base root cached, against mkfs.btrfs and cp of the same tree.
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
p=$(seconds peer) || exit 1
rm -f "$bench_dir"/peer*.img
rm -rf "$tree"
rm -f out/duck.img
private_cache bake
k=$(seconds "$kiln" bake duck) || exit 1
rm -rf "$KILN_CACHE"
row bake "$k" "$p" "2x" s
