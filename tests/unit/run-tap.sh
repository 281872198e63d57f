#!/bin/sh
# Run TAP programs, show what failed or was skipped and why, count.
# usage: run-tap.sh PROGRAM...
set -u
log=$(mktemp)
trap 'rm -f "$log"' EXIT
passed=0 failed=0 skipped=0
for t; do
	"$t" >"$log" 2>&1
	rc=$?
	s=$(grep -c '^ok .*# SKIP' "$log")
	p=$(($(grep -c '^ok ' "$log") - s))
	f=$(grep -c '^not ok ' "$log")
	if [ "$f" -gt 0 ] || [ "$rc" != 0 ] || ! grep -q '^1\.\.' "$log"; then
		echo "FAIL ${t##*/}"
		grep -v '^ok ' "$log" | tail -n 60
		[ "$f" -gt 0 ] || f=1
	elif [ "$s" -gt 0 ]; then
		echo "skip ${t##*/}"
		grep -B1 '# SKIP\|^# skipped' "$log" | grep '^# skipped\|# SKIP'
	fi
	passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
done
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" = 0 ]
