# shellcheck shell=bash
# kill -9 when the n-th record of the journal stands, n = 1, 2 ... until a run ends without: the
# next run, with some bytes of the journal's end lost besides, comes to the same end.
# shellcheck disable=SC2154

# gone PID: it has ended within the time; its status in $rc
gone() {
	local n
	for ((n = 0; n < 600 * CLUSTER_PATIENCE; n++)); do
		if ! kill -0 "$1" 2>/dev/null; then
			wait "$1" 2>/dev/null
			rc=$?
			return 0
		fi
		jq -e '.phase == "ready"' "$work/$2/run/kiln/status.json" >/dev/null 2>&1 && return 1
		sleep 0.1
	done
	return 1
}

# every step has its "done" once the journal is whole again
all_done() {
	local s
	for s in clock ceph-disk disk host network k3s images labels sequence report; do
		grep -q "^[0-9a-f]\{8\} [0-9]* $s done " "$work/$1/var/lib/kiln/journal" || {
			echo "no '$s done' in the journal of $1"
			return 1
		}
	done
}

killed_at_every_record() {
	local n=0 k pid journal killed=0 complete='' batch
	while [ -z "$complete" ] && ((n < 80)); do
		batch=
		for k in 1 2 3 4 5 6 7 8; do
			n=$((n + 1))
			cow_root "k$n"
			KILN_TEST_KILL_AFTER=$n start_agent "k$n"
			batch="$batch $n:$agent_pid"
		done
		for k in $batch; do
			pid=${k#*:} k=${k%:*}
			journal=$work/k$k/var/lib/kiln/journal
			if ! gone "$pid" "k$k"; then
				complete=$k
				stop_agent "$pid"
				continue
			fi
			killed=$((killed + 1))
			[ "$rc" = 137 ] || fail "killed at record $k: it ended with $rc: $(tail -n 1 "$work/k$k.log")"
			[ "$(grep -c . "$journal")" = "$k" ] || fail "killed at record $k: the journal has $(grep -c . "$journal")"
			[ $((k % 2)) = 0 ] || truncate -s -$((k * 7 % 30 + 1)) "$journal"
			rm -f "$work/k$k/run/kiln/status.json"
			start_agent "k$k"
			eval "again_$k=$agent_pid"
		done
		for k in $batch; do
			k=${k%:*} pid=again_${k%:*}
			[ -n "${!pid:-}" ] || continue
			check "killed at record $k: the next run is ready" wait_status "k$k" '.phase == "ready"' 60
			check "killed at record $k: all is in the journal" all_done "k$k"
			stop_agent "${!pid}"
			rm -rf "${work:?}/k$k"
		done
	done
	echo "killed at each of $killed records"
	check "a run came to its end" test -n "$complete"
	check "as many kills as a whole run has records" test "$killed" -ge 18
}
