#!/usr/bin/env bash
# run.sh [KILLS [SEED]] - all of ../shared/bundle, built by the builder, brought up by the sequencer
#
# First undisturbed: to the end, every gate open; again without a write; `kubectl diff` empty. Then on a
# fresh server with kill -9 at KILLS (5) times drawn from SEED: the objects are the same, no Job
# ran twice. More kills than one bring-up has room for take another fresh server.
# KILN_PLATFORM=DIR: keep bundle and objects of the undisturbed run there; a DIR that has them spares that run.
set -u
# shellcheck source=tests/platform/lib.sh
. "$(dirname "$0")/lib.sh"
platform_namespace "$0" "$@"
kills=${1:-5} seed=${2:-${KILN_SEED:-1}}
passed=0 failed=0
work=${KILN_PLATFORM:-$(mktemp -d "${TMPDIR:-/tmp}/kiln-platform.XXXXXX")}
mkdir -p "$work"
at_exit() {
	cluster_stop
	[ -n "${KILN_PLATFORM:-}" ] || rm -rf "$work"
}
check() { # NAME COMMAND...
	local name=$1
	shift
	if "$@" >"$work/out" 2>&1; then
		passed=$((passed + 1))
	else
		echo "FAIL $name: $(head -c 3000 "$work/out")"
		failed=$((failed + 1))
	fi
}
is() { # NAME JQ-CONDITION
	[ -s "$work/$1.json" ] && jq -e "$2" "$work/$1.json" || {
		cat "$work/$1.json" "$work/$1.err"
		return 1
	}
}
nothing='.done and .created + .changed + .unchanged + .deleted == 0'

# Every UID that a Job ever had, a line each.
watch_jobs() {
	kubectl get jobs -A --watch -o jsonpath='{.metadata.namespace}/{.metadata.name} {.metadata.uid}{"\n"}' >"$work/jobs.$1" 2>/dev/null </dev/null &
	CLUSTER_AGENTS="$CLUSTER_AGENTS $!"
}
jobs_once() { # NAME: no Job of the bundle had two UIDs
	[ "$(sort -u "$work/jobs.$1" | grep -c '^garage/garage-layout-init ')" = 1 ] || {
		sort -u "$work/jobs.$1"
		return 1
	}
	! sort -u "$work/jobs.$1" | cut -d' ' -f1 | grep -v hubble-generate-certs- | uniq -d | grep .
}

# What would `kubectl diff --server-side` change, component by component? Exit 1 of it: something.
diff_all() {
	local c rc=0
	mkdir -p "$work/objects"
	tar xf "$bundle" -C "$work"
	for c in $(jq -r '.components[].name' "$work/index.json"); do
		jq -r --arg c "$c" '.components[] | select(.name == $c) | .objects[] | select(.hook == null) | .sha256' "$work/index.json" |
			while read -r sum; do
				cat "$work/objects/$sum.json"
				printf '\n---\n'
			done >"$work/$c.yaml"
		kubectl diff --server-side --field-manager=kiln -f "$work/$c.yaml" >"$work/$c.diff" 2>&1 || {
			echo "$c: $(head -c 1500 "$work/$c.diff")"
			rc=1
		}
	done
	return $rc
}

cold() {
	local t0=$SECONDS
	check "cold run to the end" platform_run cold 400
	check "every component is ready" is cold '.done and ([.components[] | select(.state != "ready")] | length) == 0'
	check "331 objects of 9 components, each sent once" is cold '([.components[].applied] | add) == 331 and .created == 331 and .changed == 0'
	check "every gate is open, soft ones too" is cold '[.components[].gates[] | select(. != "done")] == []'
	echo "platform: cold run $((SECONDS - t0)) s, $(jq -r .requests "$work/cold.json") requests"
	[ "$failed" = 0 ] || jq -c '[.reason, .components]' "$work/cold.json"
}

again() {
	local t0
	t0=$(date +%s%N)
	check "second run" platform_run cold 100
	echo "platform: second run $((($(date +%s%N) - t0) / 1000000)) ms, $(jq -r .requests "$work/cold.json") requests"
	check "second run makes no write" is cold "$nothing"
	check "kubectl diff --server-side is empty for each component" diff_all
}

# One bring-up on a fresh server, killed until it is through; counts into $killed.
killed_once() {
	local n=0 pid
	rm -rf "$work/state-killed"
	mkdir -p "$work/state-killed"
	while [ "$killed" -lt "$kills" ]; do
		"$tool" "$KUBECONFIG" "$bundle" "$work/state-killed" 400 >"$work/killed.json" 2>"$work/killed.err" &
		pid=$!
		RANDOM=$((seed + killed))
		sleep "$(printf '%d.%03d' $((RANDOM % pause / 1000)) $((RANDOM % 1000)))"
		if ! kill -9 "$pid" 2>/dev/null; then
			wait "$pid" 2>/dev/null
			break
		fi
		wait "$pid" 2>/dev/null
		killed=$((killed + 1)) n=$((n + 1))
	done
	check "the run after kill $killed gets through" platform_run killed 400
	check "all is up" is killed '.done and ([.components[].applied] | add) == 331'
	platform_objects >"$work/killed.objects"
	check "the same objects and managers of fields as undisturbed" diff "$work/cold.objects" "$work/killed.objects"
	check "no Job ran twice" jobs_once killed
	check "and nothing is left to write" platform_run killed 100
	check "nothing was written" is killed "$nothing"
	echo "platform: $n kills in this bring-up, seed $seed"
}

undisturbed() {
	platform_bundle "$work" || exit 1
	platform_start || exit 1
	trap at_exit EXIT
	watch_jobs cold
	cold
	[ "$failed" = 0 ] || return
	again
	check "no Job ran twice" jobs_once cold
	platform_objects >"$work/cold.objects.new"
	check "as many objects as the bundle has" test "$(jq length "$work/cold.objects.new")" -ge 330
	[ "$failed" != 0 ] || mv "$work/cold.objects.new" "$work/cold.objects"
	cluster_stop
}

bundle=$work/platform.tar
[ -s "$work/cold.objects" ] || undisturbed
killed=0 pause=$((kills > 5 ? 1500 : 4000))
while [ "$killed" -lt "$kills" ] && [ "$failed" = 0 ]; do
	platform_start || exit 1
	trap at_exit EXIT
	watch_jobs killed
	killed_once
	cluster_stop
done
check "killed as often as asked" test "$killed" = "$kills"
at_exit
echo "$passed passed, $failed failed, 0 skipped"
[ "$failed" = 0 ]
