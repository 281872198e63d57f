#!/bin/sh
# All parts of suite `bundle`, one after another; the last line sums them up.
# usage: run.sh BUILD SRCDIR
set -u
build=$1 src=$2
log=$(mktemp) || exit 1
trap 'rm -f "$log"' EXIT
run() {
	if [ -e "$src/tests/bundle/run-$1.py" ]; then
		python3 -B "$src/tests/bundle/run-$1.py" "$build/kiln" "$src"
	else
		sh "$src/tests/bundle/run-$1.sh" "$build/kiln" "$src"
	fi
}
for part in yaml bundle; do
	rc=0
	run "$part" >"$log.part" 2>&1 || rc=1
	[ "$rc" = 0 ] || cat "$log.part"
	# one that broke off has no count: a failure of its own
	grep -qE '^[0-9]+ passed, [0-9]+ failed' "$log.part" || echo "0 passed, 1 failed, 0 skipped" >>"$log.part"
	grep '^SKIPPED' "$log.part"
	sed "s/^/# $part: /" "$log.part" | tail -1
	tail -1 "$log.part" >>"$log"
	rm -f "$log.part"
done
awk '{ p += $1; f += $3; k += $5 } END { printf "%d passed, %d failed, %d skipped\n", p, f, k; exit f > 0 }' "$log"
