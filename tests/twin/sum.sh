#!/bin/bash
# Run commands that end with "N passed, M failed, K skipped" and print their sum.
#
# usage: sum.sh COMMAND...
p=0 f=0 s=0 rc=0
for command; do
	out=$($command 2>&1) || rc=1
	printf '%s\n' "$out"
	read -r a _ b _ c _ <<<"$(tail -n 1 <<<"$out" | tr -d ,)"
	p=$((p + a)) f=$((f + b)) s=$((s + c))
done
echo "$p passed, $f failed, $s skipped"
exit $rc
