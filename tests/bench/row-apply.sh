#!/usr/bin/env bash
# The whole bundle to a fresh server: time and requests against kubectl and against bare PATCHes.
# The API has no request for many objects, so 329 PATCHes are the least that any client sends: 0.64 of
# what kubectl needs. Half of its requests is out of reach; the bar is the bare PATCHes and what it takes
# to wait in between (discovery, Namespaces, workloads, the inventory).
# shellcheck source=tests/bench/apply.sh
. "$(dirname "$0")/apply.sh"
apply_results || exit 1
row apply "$(value kiln 2)" "$(value kubectl 2)" "0.5x" s
row apply-bare "$(value kiln 2)" "$(value bare 2)" "1.1x" s
row apply-requests "$(value kiln 3)" "$(value bare 3)" "1.15x" ""
row apply-requests-kubectl "$(value kiln 3)" "$(value kubectl 3)" "0.75x" ""
