#!/usr/bin/env bash
# Memory of the sequencer at work on the whole bundle: private (its own), and all that is resident.
# shellcheck source=tests/bench/apply.sh
. "$(dirname "$0")/apply.sh"
apply_results || exit 1
row node-private "$(value kiln 5)" - "16MiB" MiB
row node-rss "$(value kiln 4)" - "24MiB" MiB
