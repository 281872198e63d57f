#!/usr/bin/env bash
# Bake all nodes again after one changed address: only seeds change.
# shellcheck source=tests/bench/lib.sh
. "$(dirname "$0")/lib.sh"
bench_cluster || exit 1
sed -i 's/192\.168\.14\.5,/192.168.14.6,/' cluster.yaml
t=$(seconds "$kiln" bake) || exit 1
sed -i 's/192\.168\.14\.6,/192.168.14.5,/' cluster.yaml
"$kiln" bake >/dev/null 2>&1
row rebake "$t" - "1s" s
