#!/bin/sh
# Run test suites one after another and add up what they say.
#
# usage: scripts/run-suites.sh SUITE...   each is `make test-SUITE`
# Each suite ends with a line "N passed, M failed" and maybe ", K skipped". A suite that
# fails without such a line counts as one failure; so does one that takes longer than
# $KILN_SUITE_TIMEOUT seconds. The last line is the sum of all.
set -u
logs=$(mktemp -d)
pid=
trap 'rm -rf "$logs"' EXIT
trap '[ -z "$pid" ] || kill -s TERM -- "-$pid"; exit 130' INT TERM
passed=0 failed=0 skipped=0
for suite; do
	start=$(date +%s)
	echo "== $suite"
	: >"$logs/$suite.log"
	timeout -k 30 "${KILN_SUITE_TIMEOUT:-2700}" make -s "test-$suite" >"$logs/$suite.log" 2>&1 &
	pid=$!
	# shown while it runs; what a suite leaves running behind it must not hold up the next
	tail -n +1 -s 0.2 --pid="$pid" -f "$logs/$suite.log"
	wait "$pid"
	rc=$?
	if kill -s TERM -- "-$pid" 2>/dev/null; then
		echo "suite $suite left processes running: ended"
	fi
	line=$(grep -E '^[0-9]+ passed, [0-9]+ failed' "$logs/$suite.log" | tail -n 1)
	p=$(printf '%s' "$line" | sed -nE 's/^([0-9]+) passed.*/\1/p')
	f=$(printf '%s' "$line" | sed -nE 's/.* ([0-9]+) failed.*/\1/p')
	k=$(printf '%s' "$line" | sed -nE 's/.* ([0-9]+) skipped.*/\1/p')
	: "${p:=0}" "${f:=0}" "${k:=0}"
	if [ "$rc" != 0 ] && [ "$f" = 0 ]; then
		f=1
	fi
	if [ -z "$line" ] && [ "$rc" = 0 ]; then
		echo "suite $suite printed no result: counted as failed"
		f=1
	fi
	passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + k))
	printf '%s: %d passed, %d failed, %d skipped (%d s)\n' "$suite" "$p" "$f" "$k" $(($(date +%s) - start)) |
		tee -a "$logs/summary"
done
echo "== all suites"
cat "$logs/summary" 2>/dev/null
if [ "$skipped" -gt 0 ]; then
	echo "$passed passed, $failed failed, $skipped skipped"
else
	echo "$passed passed, $failed failed"
fi
[ "$failed" = 0 ] && [ "$passed" -gt 0 ]
