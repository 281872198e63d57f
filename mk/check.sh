#!/bin/sh
# Run the named checks, show what failed, count. Run by `make check`.
# usage: check.sh NAME...   each is `make check-NAME`
set -u
: "${MAKE:=make}" "${JOBS:=2}"
log=$(mktemp)
trap 'rm -f "$log"' EXIT
passed=0 failed=0 skipped=0
before=$(git status --porcelain --untracked-files=all 2>/dev/null)

result() { # NAME RC SECONDS
	if [ "$2" != 0 ]; then
		failed=$((failed + 1))
		echo "FAIL check-$1 ($3 s)"
		tail -n 60 "$log"
	elif grep -q '^SKIPPED' "$log"; then
		skipped=$((skipped + 1))
		echo "skip check-$1: $(grep '^SKIPPED' "$log")"
	else
		passed=$((passed + 1))
		echo "ok   check-$1 ($3 s)"
	fi
}

for c; do
	start=$(date +%s)
	$MAKE -s -k -j "$JOBS" "check-$c" >"$log" 2>&1
	result "$c" $? $(($(date +%s) - start))
done

# Nothing that a build makes may lie in the tree.
if ! git rev-parse --git-dir >/dev/null 2>&1; then
	echo "SKIPPED: not a checkout of git" >"$log"
	rc=0
else
	git status --porcelain --untracked-files=all >"$log"
	[ "$before" = "$(cat "$log")" ] && { git diff --quiet HEAD || ! grep -q '^??' "$log"; }
	rc=$?
fi
result clean "$rc" 0
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" = 0 ]
