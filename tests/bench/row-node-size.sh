#!/usr/bin/env bash
# kiln-node as the package has it: stripped.
# shellcheck source=tests/bench/lib.sh
. "$(dirname "$0")/lib.sh"
tmp=$(mktemp)
trap 'rm -f "$tmp"' EXIT
strip -o "$tmp" "$KILN_BUILD/kiln-node" || exit 1
row node-size "$(awk -v b="$(stat -c %s "$tmp")" 'BEGIN { printf "%.2f", b / 1048576 }')" - "1MiB" MiB
