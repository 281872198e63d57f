#!/bin/sh
# Run unit tests under $VALGRIND; a definite leak or a bad access fails the test that has it.
set -u
log=$(mktemp)
trap 'rm -f "$log"' EXIT
bad=0 n=0
for t; do
	n=$((n + 1))
	# shellcheck disable=SC2086
	$VALGRIND "$t" >"$log" 2>&1 && continue
	echo "FAIL ${t##*/}"
	grep -vE '^ok ' "$log" | head -n 40
	bad=1
done
echo "$n programs"
[ "$n" -gt 10 ] || bad=1
exit $bad
