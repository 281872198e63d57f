# shellcheck shell=bash
# What all tests with machines share: results, counted; assertions that run on a node.

passed=0 failed=0 skipped=0
ok() {
	passed=$((passed + 1))
	echo "ok - $1"
}
not_ok() { # name, detail
	failed=$((failed + 1))
	echo "not ok - $1"
	[ -z "${2:-}" ] || printf '%s\n' "$2" | sed 's/^/#   /'
}
skip() {
	skipped=$((skipped + 1))
	echo "SKIPPED - $1: $2"
}
check() { # name, command...: passes when the command does; what it said otherwise
	local name=$1 out
	shift
	if out=$("$@" 2>&1); then ok "$name"; else not_ok "$name" "$out"; fi
}
# A part of the suite that ONLY, if given, names
picked() { [ -z "${ONLY:-}" ] || [[ $1 =~ ^($ONLY)$ ]]; }
node_address() { sed -n "/^  $1:/,/^  [a-z]*:\$/s/.*addresses: \[\(.*\)\].*/\1/p" cluster.yaml | tr -d '",'; }

# on_node NODE LABEL SCRIPT: the script on the node as root, by the ssh_to() of who sourced this;
# its results are counted here
on_node() {
	count_on_node "$2" "$3" "$(run_on_node "$1" "$3")"
}
run_on_node() { # NODE SCRIPT: what it said
	# shellcheck disable=SC2046
	ssh_to "$1" sudo bash -s -- "$1" $(node_address "$1") "'${k3s_version:-}'" <"$srcdir/tests/qemu/$2" 2>&1
}
count_on_node() { # LABEL SCRIPT OUTPUT
	local label=$1 script=$2 out=$3 line
	if ! grep -q '^ok - ' <<<"$out"; then
		not_ok "$label: $script ran" "$out"
		return
	fi
	while IFS= read -r line; do
		case $line in
		'ok - '*) ok "$label: ${line#ok - }" ;;
		'not ok - '*) not_ok "$label: ${line#not ok - }" ;;
		*) echo "$line" ;;
		esac
	done <<<"$out"
	# a command that read the script's own text as its input would have ended it
	[ "$(tail -n 1 <<<"$out")" = "# end" ] || not_ok "$label: $script ran to its end" "$(tail -n 3 <<<"$out")"
}

# Ten points of the import and of the first boot: what the console says, seconds from then on
# shellcheck disable=SC2034
cut_points=(
	'kiln-init: boot partition|0'
	'first mount of filesystem|0.2'
	'first mount of filesystem|0.6'
	'use zstd compression|0.1'
	'use zstd compression|0.5'
	'use zstd compression|1.2'
	'imported seed|0'
	'imported seed|1'
	'systemd\[1\]: |3'
	'Repartition|1'
)
