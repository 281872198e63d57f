# shellcheck shell=bash
# What rows share. row NAME KILN PEER BAR UNIT: KILN and PEER are numbers, PEER "-" without one;
# a bar like "2.0x" is for the ratio, any other for KILN itself.
set -u
kiln=$KILN_BUILD/kiln
bench_dir=${KILN_BENCH_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/kiln/tests/bench}
srcdir=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)

now() { date +%s.%N; }
seconds() { # command...: wall time of a command; its output goes to stderr's log
	local start
	start=$(now)
	"$@" >"$bench_dir/last.log" 2>&1 || {
		tail -n 5 "$bench_dir/last.log" >&2
		return 1
	}
	awk -v a="$start" -v b="$(now)" 'BEGIN { printf "%.2f", b - a }'
}
row() {
	awk -v n="$1" -v k="$2" -v p="$3" -v bar="$4" -v u="$5" 'BEGIN {
		limit = bar; sub(/[^0-9.].*/, "", limit)
		ratio = p == "-" ? "-" : sprintf("%.2f", k / p)
		value = bar ~ /x$/ ? k / p : k
		printf "%s\t%s%s\t%s%s\t%s\t%s\t%s\n", n, k, u, p, p == "-" ? "" : u, ratio, bar, value <= limit + 0 ? "ok" : "SHORT"
	}'
}
# The cluster of the QEMU tests, baked once; sets $work as its folder
bench_cluster() {
	mkdir -p "$bench_dir"
	work=${KILN_QEMU_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/kiln/tests/qemu}
	export KILN_QEMU_DIR=$work
	mkdir -p "$work"
	[ -f "$work/id_ed25519" ] || ssh-keygen -q -t ed25519 -N '' -C kiln-test -f "$work/id_ed25519"
	sed "s|@KEY@|$(cat "$work/id_ed25519.pub")|" "$srcdir/tests/qemu/cluster.yaml" >"$work/cluster.yaml"
	install -m 0755 "$srcdir/tests/qemu/k3s-stand-in" "$work/k3s"
	rm -rf "$work/net" && cp -r "$srcdir/tests/qemu/net" "$work/net"
	cd "$work" || return 1
	[ -d .kiln/secrets ] || "$kiln" init >/dev/null || return 1
	grep -qs '"mirror"' kiln.lock || "$kiln" update >&2 || return 1
	"$kiln" bake >"$bench_dir/bake.log" 2>&1 || {
		tail -n 5 "$bench_dir/bake.log" >&2
		return 1
	}
}
# private_cache NAME: Kiln's cache without base images, the rest shared; sets KILN_CACHE
private_cache() {
	local real=${KILN_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/kiln} dir=$bench_dir/cache.$1 part
	rm -rf "$dir" && mkdir -p "$dir/images" "$dir/tmp"
	for part in base sha256 apt; do
		mkdir -p "$real/$part" && ln -s "$real/$part" "$dir/$part"
	done
	export KILN_CACHE=$dir
}
