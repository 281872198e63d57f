#!/usr/bin/env bash
# One lock, two builds with caches and environments of their own, the second with a root of its own
# too: ranges of the image that differ.
# shellcheck source=tests/bench/lib.sh
. "$(dirname "$0")/lib.sh"
bench_cluster || exit 1
export SOURCE_DATE_EPOCH=1700000000
for n in 1 2; do
	rm -f out/duck.*
	(
		private_cache same
		if [ $n = 2 ]; then
			rm "$KILN_CACHE/base" && mkdir "$KILN_CACHE/base"
			# what a desk may have set that scripts of packages would heed
			export TZ=Asia/Tokyo PYTHONDONTWRITEBYTECODE=1 PERL_UNICODE=SDA DPKG_MAINTSCRIPT_DEBUG=1
			umask 077
		else
			unset PYTHONDONTWRITEBYTECODE
			export TZ=UTC
		fi
		"$kiln" bake duck >"$bench_dir/last.log" 2>&1
	) || exit 1
	jq -r '.extents[] | "\(.offset_bytes) \(.length_bytes) \(.sha256)"' out/duck.image.json | sort >"$bench_dir/ranges.$n"
done
different=$(comm -3 "$bench_dir/ranges.1" "$bench_dir/ranges.2" | wc -l)
rm -rf "$bench_dir/cache.same"
row same-bytes "$different" - "0 ranges" " ranges"
