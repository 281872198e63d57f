#!/bin/sh
# The YAML corpus: every tests/golden/yaml/X.yaml gives exactly X.json, or exactly
# the error in X.err (with exit status 1) after the documents before the mistake.
# The expected JSON was made by Kubernetes' own libraries (yaml-oracle/); the
# files in `differs` are where Kiln refuses what those take, each with its reason.
# usage: run-yaml.sh KILN SRCDIR [ORACLE]
set -u
kiln=$1 src=$2 oracle=${3:-}
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
cd "$src/tests/golden/yaml" || exit 1
passed=0 failed=0 skipped=0
pass() { passed=$((passed + 1)); }
fail() { failed=$((failed + 1)); echo "not ok: $1"; }

for f in *.yaml; do
	n=${f%.yaml}
	"$kiln" bundle json "$f" >"$tmp/out" 2>"$tmp/err"
	status=$?
	want=0
	[ ! -e "$n.err" ] || want=1
	cat "$n.err" 2>/dev/null >"$tmp/want.err"
	cat "$n.json" 2>/dev/null >"$tmp/want.json"
	if [ $status = $want ] && cmp -s "$tmp/out" "$tmp/want.json" && cmp -s "$tmp/err" "$tmp/want.err"; then
		pass
	else
		fail "$f: status $status, not $want"
		diff "$tmp/want.json" "$tmp/out" | head -5
		diff "$tmp/want.err" "$tmp/err" | head -5
	fi
done

# what Go makes of the same files
if [ -n "$oracle" ] && "$oracle" *.yaml >"$tmp/oracle"; then
	jq -r '.file + "\t" + (if .error == "" then "read" else "refused" end)' "$tmp/oracle" |
		while IFS='	' read -r f verdict; do
			n=${f%.yaml}
			if grep -q "^$n	" ../yaml-differs; then
				[ "$verdict" = read ] && [ -e "$n.err" ] && echo ok || echo "differs is stale: $n"
			elif [ "$verdict" = refused ]; then
				[ -e "$n.err" ] && echo ok || echo "not refused: $n"
			else
				jq -r --arg f "$f" 'select(.file == $f) | .docs[]' "$tmp/oracle" >"$tmp/docs"
				cat "$n.json" 2>/dev/null | cmp -s - "$tmp/docs" && echo ok || echo "other JSON: $n"
			fi
		done >"$tmp/verdicts"
	passed=$((passed + $(grep -c '^ok$' "$tmp/verdicts")))
	failed=$((failed + $(grep -vc '^ok$' "$tmp/verdicts")))
	grep -v '^ok$' "$tmp/verdicts"
fi

# the reference bundle: 336 documents, byte for byte by their digests
bundle=$src/../shared/bundle
[ -e "$bundle/ORACLE.tsv" ] || bundle=${KILN_SHARED:-/nonexistent}/bundle
if [ -e "$bundle/ORACLE.tsv" ]; then
	cd "$bundle" || exit 1
	grep -v '^#' ORACLE.tsv | cut -f1 | uniq | while read -r f; do
		"$kiln" bundle json "$f" >"$tmp/docs" || echo "$f: failed" >&2
		i=0
		while IFS= read -r line; do
			i=$((i + 1))
			printf '%s\t%s\t%s\n' "$f" "$i" "$(printf '%s' "$line" | sha256sum | cut -d' ' -f1)"
		done <"$tmp/docs"
	done >"$tmp/got"
	grep -v '^#' ORACLE.tsv | cut -f1,2,8 >"$tmp/want"
	same=$(comm -12 "$tmp/got" "$tmp/want" 2>/dev/null | wc -l)
	if cmp -s "$tmp/got" "$tmp/want"; then
		passed=$((passed + same))
	else
		fail "ORACLE.tsv: $same of $(wc -l <"$tmp/want") documents are the same"
	fi
	start=$(date +%s%N)
	"$kiln" bundle json */crds.yaml */objects.yaml */post.yaml */pre.yaml >/dev/null
	ms=$((($(date +%s%N) - start) / 1000000))
	echo "# the bundle's 27 files to JSON: $ms ms"
	[ "$ms" -le 1000 ] && pass || fail "the bar is 1000 ms"
else
	echo "SKIPPED: no ../shared/bundle: the 336 documents of the oracle were not read"
	skipped=336
fi
echo "$passed passed, $failed failed, $skipped skipped"
[ $failed = 0 ]
