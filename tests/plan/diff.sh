# shellcheck shell=sh
# kiln diff: a seed that kiln bake wrote against cluster.yaml as it is now, and as it becomes.
# The identity is that of seed.sh.
# shellcheck disable=SC2154
mkdir -p "$tmp/diff"
diffs() { (cd "$tmp/seed/cluster" && "$build/kiln" diff "$@" >"$tmp/diff/out" 2>"$tmp/diff/err"); }
# differs STATUS ARG...
differs() {
	want=$1
	shift
	diffs "$@"
	rc=$?
	[ $rc = "$want" ] || {
		echo "exit $rc, not $want" >&2
		cat "$tmp/diff/out" "$tmp/diff/err" >&2
		return 1
	}
}
says() { grep -qF -- "$1" "$tmp/diff/out" "$tmp/diff/err" || { cat "$tmp/diff/out" "$tmp/diff/err" >&2; return 1; }; }
for n in cow sheep duck; do
	mkdir -p "$tmp/diff/$n"
	"$build/tests/plan/seed-write" "$tmp/seed/cluster/cluster.yaml" $n $base 1795348800 "$tmp/diff/$n" >/dev/null
	seed=$(echo "$tmp/diff/$n"/seed-*.tar)
	check "diff $n: nothing yet" differs 0 $n "$seed"
	check "diff $n: says so" says "$n: '$seed' (baked 2026-11-22 12:00 UTC) has what cluster.yaml asks for"
done
cow=$(echo "$tmp/diff/cow"/seed-*.tar)
cp "$tmp/seed/cluster/cluster.yaml" "$tmp/diff/kept.yaml"
sed -i 's/domain: home.example.org/domain: barn.example.org/' "$tmp/seed/cluster/cluster.yaml"
check "diff: a changed domain" differs 1 cow "$cow"
check "diff: names what changes" says '~ /etc/hosts  contents'
check "diff: and counts" says "of '$cow' (baked 2026-11-22 12:00 UTC) would be different now"
if grep -q '/etc/rancher/k3s/token$\|/etc/machine-id' "$tmp/diff/out"; then fail "diff: an identity changed"; else ok; fi
sed -i '/ntp:/d; s/  # vlan: 300/  vlan: 300/' "$tmp/seed/cluster/cluster.yaml"
check "diff: no time servers any more, but a VLAN" differs 1 cow "$cow"
check "diff: a removed file" says '- /etc/systemd/timesyncd.conf.d/10-kiln.conf'
check "diff: a new file" says '+ /etc/NetworkManager/system-connections/kiln-trunk.nmconnection'
check "diff: JSON" sh -c 'cd "$1" && "$2" diff cow "$3" --json >"$4"; [ $? = 1 ] && python3 -c "
import json, sys
d = json.load(open(sys.argv[1]))
assert d[\"node\"] == \"cow\" and d[\"same\"] is False and d[\"baked_at\"] == 1795348800, d
f = {x[\"path\"]: x for x in d[\"files\"]}
assert f[\"/etc/hosts\"][\"change\"] == \"changed\" and f[\"/etc/hosts\"][\"what\"] == [\"contents\"], f
assert any(x[\"change\"] == \"removed\" for x in d[\"files\"]), f
" "$4"' - "$tmp/seed/cluster" "$build/kiln" "$cow" "$tmp/diff/json"
cp "$tmp/diff/kept.yaml" "$tmp/seed/cluster/cluster.yaml"
check "diff: another node's seed" differs 1 duck "$cow"
check "diff: is named" says "it is the seed of node 'cow', not of 'duck'"
check "diff: no image yet" differs 1 cow
check "diff: names it" says "there is no './out/cow.img' yet; 'kiln bake cow' makes it"
check "diff: no seed at all" differs 1 cow "$tmp/diff/kept.yaml"
check "diff: no node" differs 2
check "diff: one image" differs 2 cow a b
head -c 20000 "$cow" >"$tmp/diff/cut.tar"
check "diff: a seed that is cut" differs 1 cow "$tmp/diff/cut.tar"
