#!/bin/sh
# All parts of suite `bundle`, one after another; the last line sums them up.
# usage: run.sh BUILD SRCDIR
set -u
build=$1 src=$2
log=$(mktemp) || exit 1
trap 'rm -f "$log"' EXIT
run() {
	if [ -e "$src/tests/bundle/run-$1.py" ]; then
		python3 "$src/tests/bundle/run-$1.py" "$build/kiln" "$src"
	else
		sh "$src/tests/bundle/run-$1.sh" "$build/kiln" "$src"
	fi
}
for part in yaml bundle; do
	run "$part" >"$log.part" 2>&1 || cat "$log.part"
	grep '^SKIPPED' "$log.part"
	sed "s/^/# $part: /" "$log.part" | tail -1
	tail -1 "$log.part" >>"$log"
	rm -f "$log.part"
done
awk '{ p += $1; f += $3; k += $5 } END { printf "%d passed, %d failed, %d skipped\n", p, f, k; exit f > 0 }' "$log"
