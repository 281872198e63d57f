#!/usr/bin/env bash
# One lock, two builds with caches of their own: ranges of the image that differ.
# shellcheck source=tests/bench/lib.sh
. "$(dirname "$0")/lib.sh"
bench_cluster || exit 1
export SOURCE_DATE_EPOCH=1700000000
for n in 1 2; do
	rm -f out/duck.*
	(
		private_cache same
		TZ=$([ $n = 1 ] && echo UTC || echo Asia/Tokyo) "$kiln" bake duck >"$bench_dir/last.log" 2>&1
	) || exit 1
	jq -r '.extents[] | "\(.offset_bytes) \(.length_bytes) \(.sha256)"' out/duck.image.json | sort >"$bench_dir/ranges.$n"
done
different=$(comm -3 "$bench_dir/ranges.1" "$bench_dir/ranges.2" | wc -l)
rm -rf "$bench_dir/cache.same"
row same-bytes "$different" - "0 ranges" " ranges"
