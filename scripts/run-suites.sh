#!/bin/sh
# Run test suites and add up what they say.
#
# usage: scripts/run-suites.sh SUITE...   each is `make test-SUITE`
# Each suite ends with a line "N passed, M failed" and maybe ", K skipped". A suite that
# fails without such a line counts as one failure; so does one that takes longer than
# $KILN_SUITE_TIMEOUT seconds. The last line is the sum of all.
#
# Two lanes work side by side: the first runs the suites of $KILN_VM_SUITES, which boot machines, one
# after another, and then helps with the rest, which is the second's. What a suite says is shown when
# it has ended. With one suite, one core, less than 8 GB or KILN_LANES=1 there is one lane, shown live.
set -u
dir=$(mktemp -d)
pid='' lanes=''
trap 'rm -rf "$dir"' EXIT
# shellcheck disable=SC2086
trap '[ -z "$lanes" ] || kill $lanes 2>/dev/null; stop' INT TERM
stop() {
	[ -z "$pid" ] || kill -s TERM -- "-$pid" 2>/dev/null
	wait
	exit 130
}

note() { # live|quiet TEXT
	echo "$2" >>"$log"
	[ "$1" = quiet ] || echo "$2"
}

count() { # LINE FIELD
	printf '%s' "$1" | sed -nE "s/(.*, )?([0-9]+) $2.*/\\2/p"
}

suite() { # NAME NUMBER live|quiet
	log=$dir/$2.log start=$(date +%s)
	: >"$log"
	timeout -k 30 "${KILN_SUITE_TIMEOUT:-2700}" make -s "test-$1" >"$log" 2>&1 &
	pid=$!
	# shown while it runs; what a suite leaves running behind it must not hold up the next
	[ "$3" = quiet ] || tail -n +1 -s 0.2 --pid="$pid" -f "$log"
	wait "$pid"
	rc=$?
	if kill -s TERM -- "-$pid" 2>/dev/null; then
		note "$3" "suite $1 left processes running: ended"
	fi
	pid=''
	line=$(grep -E '^[0-9]+ passed, [0-9]+ failed' "$log" | tail -n 1)
	p=$(count "$line" passed) f=$(count "$line" failed) k=$(count "$line" skipped)
	: "${p:=0}" "${f:=0}" "${k:=0}"
	if [ "$rc" != 0 ] && [ "$f" = 0 ]; then
		f=1
		note "$3" "suite $1 ended with status $rc and no failure of its own: counted as failed"
	fi
	if [ -z "$line" ] && [ "$rc" = 0 ]; then
		note "$3" "suite $1 printed no result: counted as failed"
		f=1
	fi
	echo "$p $f $k" >>"$dir/counts"
	printf '%s: %d passed, %d failed, %d skipped (%d s)\n' "$1" "$p" "$f" "$k" $(($(date +%s) - start)) >"$dir/$2.sum"
	{
		cat "$dir/$2.sum"
		[ "$f" = 0 ] || { grep -E '^(FAIL|not ok|suite )' "$log" || tail -n 5 "$log"; } | tail -n 5 | sed 's/^/    /'
	} >>"$dir/summary"
	if [ "$3" = live ]; then
		cat "$dir/$2.sum"
	else
		flock "$dir/show" cat "$dir/$2.head" "$log" "$dir/$2.sum"
	fi
}

lane() { # machines|others|all live|quiet SUITE...: those that no other lane has taken
	what=$1 how=$2 number=0
	shift 2
	for name; do
		number=$((number + 1))
		case " ${KILN_VM_SUITES:-} " in
		*" $name "*) [ "$what" != others ] || continue ;;
		*) [ "$what" != machines ] || continue ;;
		esac
		mkdir "$dir/$number" 2>/dev/null || continue
		echo "== $name" >"$dir/$number.head"
		[ "$how" = quiet ] || cat "$dir/$number.head"
		suite "$name" "$number" "$how"
	done
}

began=$(date +%s)
memory=$(awk '/^MemTotal/ { print int($2 / 1000000) }' /proc/meminfo)
if [ $# = 1 ] || [ "${KILN_LANES:-$(nproc)}" = 1 ] || [ "$memory" -lt 8 ]; then
	lane all live "$@"
else
	(
		trap stop INT TERM
		lane machines quiet "$@"
		lane others quiet "$@"
	) &
	lanes=$!
	(
		trap stop INT TERM
		lane others quiet "$@"
	) &
	lanes="$lanes $!"
	# shellcheck disable=SC2086
	wait $lanes
fi
echo "== all suites ($(($(date +%s) - began)) s)"
cat "$dir/summary" 2>/dev/null
awk '{ p += $1; f += $2; k += $3 } END {
	printf "%d passed, %d failed", p, f
	if (k) printf ", %d skipped", k
	print ""
	exit f || !p
}' "$dir/counts"
