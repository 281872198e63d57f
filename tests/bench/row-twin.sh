#!/usr/bin/env bash
# A foreign base root from nothing (packages in the cache) against mmdebstrap of the same
# list natively; then the roots of both boards from one native run against that run.
# shellcheck source=tests/bench/lib.sh
. "$(dirname "$0")/lib.sh"
tool=$KILN_BUILD/tests/twin/base-tool
export KILN_DATADIR=$KILN_BUILD/share/kiln
foreign=rpi5 own=m910q
[ "$(dpkg --print-architecture)" = amd64 ] || foreign=m910q own=rpi5
work=$bench_dir/twin
mkdir -p "$work" && cp "$srcdir/examples/home/cluster.yaml" "$work/" || exit 1
make -s -C "$srcdir" O="$KILN_BUILD" "$KILN_BUILD/tests/twin/base-tool" >&2 || exit 1
for board in $foreign $own; do # also brings the .debs
	"$tool" "$work/cluster.yaml" $board >/dev/null 2>&1 || lock=1
done
if [ "${lock:-}" ]; then
	"$tool" "$work/cluster.yaml" "$foreign,$own" lock >&2 || exit 1
	for board in $foreign $own; do
		"$tool" "$work/cluster.yaml" $board >&2 || exit 1
	done
fi
peer=$("$tool" "$work/cluster.yaml" $foreign native) || exit 1
twin=$("$tool" "$work/cluster.yaml" $foreign rebuild | cut -d' ' -f5) || exit 1
row twin "$twin" "$peer" 1.3x s
# both from nothing but the packages: one native half, unpacking meanwhile
private_cache twin
rm "$KILN_CACHE/base" && mkdir "$KILN_CACHE/base"
both=$("$tool" "$work/cluster.yaml" $foreign ahead=$own | cut -d' ' -f5)
rm -rf "$KILN_CACHE"
[ -n "$both" ] || exit 1
row twin-both "$both" "$peer" 1.4x s
