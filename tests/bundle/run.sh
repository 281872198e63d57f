#!/bin/sh
# All parts of suite `bundle`, one after another; the last line sums them up.
# usage: run.sh BUILD SRCDIR
set -u
build=$1 src=$2
log=$(mktemp) || exit 1
trap 'rm -f "$log"' EXIT
for part in yaml; do
	sh "$src/tests/bundle/run-$part.sh" "$build/kiln" "$src" >"$log.part" 2>&1 || cat "$log.part"
	grep '^SKIPPED' "$log.part"
	sed "s/^/# $part: /" "$log.part" | tail -1
	tail -1 "$log.part" >>"$log"
	rm -f "$log.part"
done
awk '{ p += $1; f += $3; k += $5 } END { printf "%d passed, %d failed, %d skipped\n", p, f, k; exit f > 0 }' "$log"
