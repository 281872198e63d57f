#!/bin/sh
# Run unit tests under $VALGRIND; a definite leak or a bad access fails the program that has it (99).
# One that fails for a system call which this valgrind does not know is skipped, and named.
set -u
log=$(mktemp)
trap 'rm -f "$log"' EXIT
bad=0 n=0 skipped=0
for t; do
	n=$((n + 1))
	# shellcheck disable=SC2086
	$VALGRIND "$t" >"$log" 2>&1
	rc=$?
	[ $rc = 0 ] && continue
	if [ $rc != 99 ] && grep -q 'unhandled .* syscall' "$log" && ! grep -q '^==[0-9]*==  *at 0x' "$log"; then
		echo "SKIPPED ${t##*/}: valgrind lacks$(grep -ho 'syscall: [0-9]*' "$log" | sort -u | tr '\n' ' ')"
		skipped=$((skipped + 1))
		continue
	fi
	echo "FAIL ${t##*/}"
	grep -vE '^ok ' "$log" | head -n 40
	bad=1
done
echo "$n programs, $skipped of them skipped"
[ $((n - skipped)) -gt 10 ] || bad=1
exit $bad
