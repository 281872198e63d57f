#!/bin/sh
# Suite `plan`: the golden trees (tests/golden/plan/) judged by the programs that will read
# the files, then the command line. Each judge is first shown a spoilt file, which it must refuse.
#
# usage: run.sh BUILD SRCDIR
set -u
build=$1 src=$2
here=$src/tests/plan
# shellcheck disable=SC2034 # the parts use it
golden=$src/tests/golden/plan
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
trap 'exit 1' INT TERM
passed=0 failed=0 skipped=0
export LC_ALL=C.UTF-8 CLOUDFLARE_API_TOKEN=dummy-token-of-the-tests KILN_DATADIR="$build/share/kiln"

ok() {
	passed=$((passed + 1))
}
fail() {
	failed=$((failed + 1))
	echo "FAILED $*"
}
skip() {
	skipped=$((skipped + 1))
	echo "SKIPPED $*"
}
# check WHAT COMMAND...: it must succeed and say nothing on stderr
check() {
	what=$1
	shift
	if "$@" >"$tmp/out" 2>"$tmp/err" && [ ! -s "$tmp/err" ]; then
		ok
	else
		fail "$what"
		sed 's/^/  | /' "$tmp/err" "$tmp/out" | head -20
	fi
}
# refuse WHAT COMMAND...: it must fail or complain
refuse() {
	what=$1
	shift
	if "$@" >"$tmp/out" 2>"$tmp/err" && [ ! -s "$tmp/err" ]; then
		fail "$what: a spoilt file was accepted"
	else
		ok
	fi
}
need() {
	command -v "$1" >/dev/null 2>&1 || [ -x "/usr/sbin/$1" ]
}
# shellcheck disable=SC2034
nodes="home/cow home/sheep home/duck lan4/a lan4/b lan4/c lan4/d"
PATH=$PATH:/usr/sbin:/sbin

for part in network ssh units storage udev k3s system seed diff gc cli; do
	# shellcheck source=/dev/null
	. "$here/$part.sh"
done
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" = 0 ]
