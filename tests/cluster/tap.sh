# tap.sh - a test file's harness: source it, call t for each case, end with t_done
#
#	t 'what holds' command...       the case holds when the command succeeds
#	t_not 'what holds' command...   ... when it fails
#	t_has 'what holds' 'text' command...   ... when its output has the text
#	t_skip N 'why'                  N cases not run, loudly

t_ok=0 t_bad=0 t_skipped=0

t_report() { # 0|1 NAME OUTPUT
	if [ "$1" = 0 ]; then
		t_ok=$((t_ok + 1))
		echo "ok $((t_ok + t_bad)) - $2"
	else
		t_bad=$((t_bad + 1))
		echo "not ok $((t_ok + t_bad)) - $2"
		printf '%s\n' "$3" | head -20 | sed 's/^/#   /'
	fi
}

t() {
	local name=$1 out
	shift
	if out=$("$@" 2>&1); then t_report 0 "$name"; else t_report 1 "$name" "$* : $out"; fi
}

t_not() {
	local name=$1 out
	shift
	if out=$("$@" 2>&1); then t_report 1 "$name" "$* succeeded: $out"; else t_report 0 "$name"; fi
}

t_has() {
	local name=$1 text=$2 out
	shift 2
	out=$("$@" 2>&1)
	case $out in
	*"$text"*) t_report 0 "$name" ;;
	*) t_report 1 "$name" "no '$text' in: $out" ;;
	esac
}

t_skip() {
	t_skipped=$((t_skipped + $1))
	echo "# SKIP $1: $2"
}

t_done() {
	cluster_stop
	echo "$t_ok passed, $t_bad failed$([ "$t_skipped" = 0 ] || echo ", $t_skipped skipped")"
	[ "$t_bad" = 0 ]
}
