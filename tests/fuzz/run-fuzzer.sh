#!/bin/sh
# usage: run-fuzzer.sh DIR SECONDS NAME...   clang's libFuzzer, each target for so long
set -u
dir=$1 seconds=$2
shift 2
failed=0
for name; do
	mkdir -p "$dir/found/$name" "$dir/new/$name"
	echo "== fuzz-$name ($seconds s); new inputs in $dir/new/$name, what breaks it in $dir/found/$name"
	"$dir/tests/fuzz/fuzz-$name" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -print_final_stats=1 \
		-artifact_prefix="$dir/found/$name/" "$dir/new/$name" "tests/fuzz/corpus/$name" >"$dir/$name.log" 2>&1 || failed=1
	grep -E '^(stat::number_of_executed_units|==[0-9]+==ERROR|SUMMARY|artifact)' "$dir/$name.log"
done
exit $failed
