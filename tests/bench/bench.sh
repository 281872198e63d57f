#!/usr/bin/env bash
# Run the rows of the bench; one tab-separated line each:
#	row	kiln	peer	ratio	bar	ok|SHORT
# usage: bench.sh BUILD-FOLDER [ROW]
set -u
build=$1 only=${2:-}
here=$(cd "$(dirname "$0")" && pwd)
export KILN_BUILD=$build
KILN_BENCH_RUN=$(mktemp -d "${TMPDIR:-/tmp}/kiln-bench-run.XXXXXX") # what rows measure together
export KILN_BENCH_RUN
trap 'rm -rf "$KILN_BENCH_RUN"' EXIT
status=0
printf 'row\tkiln\tpeer\tratio\tbar\tresult\n'
for script in "$here"/row-*.sh; do
	name=$(basename "$script" .sh)
	name=${name#row-}
	[ -z "$only" ] || [ "$only" = "$name" ] || continue
	bash "$script" || {
		printf '%s\t-\t-\t-\t-\tSHORT (failed)\n' "$name"
		status=1
	}
done
exit $status
