#!/usr/bin/env bash
# The reference manifests (6.8 MB, 336 documents) as canonical JSON; the peer is PyYAML's C loader.
# shellcheck source=tests/bench/lib.sh
. "$(dirname "$0")/lib.sh"
mkdir -p "$bench_dir"
data=${KILN_SHARED:-$srcdir/../shared}/bundle
if ! [ -d "$data" ]; then
	echo "yaml: skipped, no $data" >&2
	exit 0
fi
mapfile -t files < <(find "$data" -name '*.yaml' ! -name values.yaml | sort)
peer() {
	python3 -c 'import sys, yaml, json
for f in sys.argv[1:]:
    for d in yaml.load_all(open(f), yaml.CSafeLoader):
        if d: json.dumps(d, sort_keys=True)' "${files[@]}"
}
k=$(seconds "$kiln" bundle json "${files[@]}") || exit 1
p=$(seconds peer) || exit 1
row yaml "$k" "$p" "1s" s
