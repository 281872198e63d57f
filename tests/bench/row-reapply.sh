#!/usr/bin/env bash
# The same bundle again, nothing changed: below half a second and not one write.
# shellcheck source=tests/bench/apply.sh
. "$(dirname "$0")/apply.sh"
apply_results || exit 1
row reapply "$(value again 2)" - "0.5s" s
row reapply-writes "$(value again 6)" - "0" ""
