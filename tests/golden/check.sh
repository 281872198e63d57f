#!/bin/sh
# Every tests/golden/check/NAME.yaml through `kiln check`: exact text against NAME.expected.
#
# usage: tests/golden/check.sh KILN [NAME...]
# UPDATE=1 writes the expected files anew (read the difference before you commit it).
# good-*.yaml must pass; all others must fail with exit status 1.
set -u
kiln=$1
shift
cd "$(dirname "$0")/check" || exit 1
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
export KILN_TEST_TOKEN=dummy KILN_TEST_EMPTY=
unset KILN_TEST_NONE
passed=0 failed=0
[ $# -gt 0 ] || set -- *.yaml
for f; do
	name=${f%.yaml}
	"$kiln" check "$name.yaml" >"$out/text" 2>&1
	echo "exit $?" >>"$out/text"
	if [ "${UPDATE:-}" ]; then
		cp "$out/text" "$name.expected"
	fi
	case $name in
	good-*) want='exit 0' ;;
	*) want='exit 1' ;;
	esac
	if [ "$(tail -n 1 "$out/text")" != "$want" ]; then
		echo "not ok - $name: $(tail -n 1 "$out/text"), not $want"
		failed=$((failed + 1))
	elif ! diff -u "$name.expected" "$out/text" >"$out/diff" 2>&1; then
		echo "not ok - $name"
		sed 's/^/# /' "$out/diff"
		failed=$((failed + 1))
	else
		passed=$((passed + 1))
	fi
done
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
