#!/usr/bin/env bash
# check and plan of the three-node example, one after the other.
# shellcheck source=tests/bench/lib.sh
. "$(dirname "$0")/lib.sh"
mkdir -p "$bench_dir"
export CLOUDFLARE_API_TOKEN=bench
file=$srcdir/examples/home/cluster.yaml
both() { "$kiln" check "$file" && "$kiln" plan -f "$file"; }
both >/dev/null || exit 1
best=
for _ in 1 2 3 4 5; do
	t=$(seconds both) || exit 1
	best=$(printf '%s\n%s\n' "$t" "${best:-$t}" | sort -n | head -n 1)
done
row check "$best" - "0.05s" s
