#!/bin/sh
# usage: run-corpus.sh BINDIR NAME...   run each fuzz target over tests/fuzz/corpus/NAME/
set -u
bin=$1
shift
log=$(mktemp)
trap 'rm -f "$log"' EXIT
passed=0 failed=0
for name; do
	set -- "tests/fuzz/corpus/$name"/*
	if [ ! -e "$1" ]; then
		echo "FAIL fuzz-$name: no corpus in tests/fuzz/corpus/$name"
		failed=$((failed + 1))
	elif "$bin/fuzz-$name" "$@" >"$log" 2>&1; then
		echo "ok   fuzz-$name: $(tail -n 1 "$log")"
		passed=$((passed + 1))
	else
		echo "FAIL fuzz-$name"
		tail -n 40 "$log"
		failed=$((failed + 1))
	fi
done
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
