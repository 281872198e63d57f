#!/bin/bash
# run.sh [file...] - runs test files of this folder and adds their counts up
set -u
here=$(cd "$(dirname "$0")" && pwd)
ok=0 bad=0 skipped=0
for f; do
	t0=$SECONDS
	echo "# $f"
	out=$(timeout 900 bash "$here/$f" 2>&1)
	status=$?
	last=$(printf '%s\n' "$out" | tail -1)
	if [[ $last =~ ^([0-9]+)\ passed,\ ([0-9]+)\ failed(,\ ([0-9]+)\ skipped)?$ ]]; then
		ok=$((ok + BASH_REMATCH[1])) bad=$((bad + BASH_REMATCH[2])) skipped=$((skipped + ${BASH_REMATCH[4]:-0}))
		printf '%s\n' "$out" | grep -v '^ok ' | sed '$d'
	else
		bad=$((bad + 1))
		printf '%s\n' "$out" | tail -30
		echo "not ok - $f ended with status $status and no count"
	fi
	echo "# $f: $last ($((SECONDS - t0)) s)"
done
echo "$ok passed, $bad failed$([ "$skipped" = 0 ] || echo ", $skipped skipped")"
[ "$bad" = 0 ]
