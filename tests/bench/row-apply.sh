#!/usr/bin/env bash
# The whole bundle to a fresh server: time and requests against kubectl, time against bare PATCHes.
# shellcheck source=tests/bench/apply.sh
. "$(dirname "$0")/apply.sh"
apply_results || exit 1
row apply "$(value kiln 2)" "$(value kubectl 2)" "0.5x" s
row apply-requests "$(value kiln 3)" "$(value kubectl 3)" "0.5x" ""
row apply-bare "$(value kiln 2)" "$(value bare 2)" "1.1x" s
