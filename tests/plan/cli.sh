# shellcheck shell=sh
# The command itself: exact errors, nothing secret shown, no network, no other program, in time.
# shellcheck disable=SC2154
kiln=$build/kiln
mkdir "$tmp/home"
cp "$src/examples/home/cluster.yaml" "$tmp/home/"
cd "$tmp/home" || exit 1
# says STATUS TEXT ARG...: exact text on stderr, exact exit status
says() {
	want_rc=$1 want=$2
	shift 2
	got=$("$kiln" "$@" 2>&1 >/dev/null)
	rc=$?
	if [ "$rc" = "$want_rc" ] && [ "$got" = "$want" ]; then ok; else fail "kiln $*: exit $rc: $got"; fi
}
says 1 "kiln plan: cluster.yaml has no node 'pig'; its nodes are cow, sheep, duck" plan pig
if [ "$("$kiln" plan cow --cat etc/hostname 2>/dev/null)" = cow ]; then ok; else fail "a path without its slash"; fi
says 2 "kiln plan: --files and --cat need a node; 'kiln plan --help' tells more" plan --files
says 2 "kiln plan: unknown option '--fiels', did you mean '--files'? 'kiln plan --help' tells more" plan --fiels
says 2 "kiln plan: no value for option '--cat'; 'kiln plan --help' tells more" plan cow --cat
says 2 "kiln plan: one node at a time: 'cow' and 'duck' were given; 'kiln plan --help' tells more" plan cow duck
says 1 "kiln plan: the seed of 'duck' has no file '/etc/nothing'; --files lists them" plan duck --cat /etc/nothing
says 1 "kiln plan: '/var/lib/rancher/k3s/server' is a folder" plan cow --cat /var/lib/rancher/k3s/server
for n in cow sheep duck; do
	for f in etc/hostname etc/hosts etc/rancher/k3s/config.yaml etc/kiln/node.json; do
		SOURCE_DATE_EPOCH=1795348800 "$kiln" plan $n --cat "/$f" >"$tmp/out" 2>&1
		if cmp -s "$tmp/out" "$golden/home/$n/$f"; then ok; else fail "plan $n --cat /$f is not the golden file"; fi
	done
	"$kiln" plan $n --files >"$tmp/out" 2>&1
	if [ "$(wc -l <"$tmp/out")" = "$(wc -l <"$golden/home/$n.FILES")" ]; then ok; else fail "plan $n --files"; fi
	"$kiln" plan $n --json >"$tmp/json" 2>&1
	check "plan $n --json" python3 -c '
import json, sys
p = json.load(open(sys.argv[1]))
want = sum(1 for _ in open(sys.argv[2]))
assert p["node"] == sys.argv[3] and len(p["files"]) == want, len(p["files"])
for f in p["files"]:
    assert not (f["secret"] and "sha256" in f), f["path"]
' "$tmp/json" "$golden/home/$n.FILES" $n
done
if "$kiln" plan | grep -q 'no identity yet'; then ok; else fail "plan does not say that kiln init is missing"; fi
out=$(SOURCE_DATE_EPOCH=soon "$kiln" plan 2>&1)
if [ "$out" = "kiln plan: SOURCE_DATE_EPOCH is 'soon', not seconds since 1970" ]; then ok; else fail "SOURCE_DATE_EPOCH: $out"; fi

# With secrets: what they hold is nowhere in any output.
mark=MARK5e7c2a91
mkdir -p .kiln/secrets/k3s/server/tls/etcd .kiln/secrets/nodes
cut -d' ' -f3 "$golden"/home/*.FILES | grep '^/var/lib/rancher/k3s/server/tls/.*\.' |
	while read -r f; do echo "$mark" >".kiln/secrets/k3s${f#/var/lib/rancher/k3s}"; done
echo 0123456789abcdef0123456789abcdef >.kiln/secrets/cluster-id
for t in token-server token-agent; do echo $mark >".kiln/secrets/$t"; done
for n in cow sheep duck; do
	mkdir -p .kiln/secrets/nodes/$n
	echo 0123456789abcdef0123456789abcdef >.kiln/secrets/nodes/$n/machine-id
	for f in node-password ssh_host_ed25519_key ssh_host_ecdsa_key ssh_host_rsa_key; do
		echo $mark >.kiln/secrets/nodes/$n/$f
		echo public >.kiln/secrets/nodes/$n/$f.pub
	done
done
sed -i 's/MARK.*/public/' .kiln/secrets/k3s/server/tls/*.crt .kiln/secrets/k3s/server/tls/etcd/*.crt
{
	"$kiln" plan && "$kiln" plan --json
	for n in cow sheep duck; do
		"$kiln" plan $n --files && "$kiln" plan $n --json
		KILN_DEBUG=1 "$kiln" plan $n
		for f in $("$kiln" plan $n --files | sed -n 's/^-[^/]*\(\/[^ ]*\).*/\1/p'); do
			"$kiln" plan $n --cat "$f"
		done
	done
} >"$tmp/all" 2>&1
if [ "$(wc -l <"$tmp/all")" -gt 500 ] && ! grep -q $mark "$tmp/all"; then ok; else fail "a secret is shown"; fi
if grep -q '^<hidden: 13 bytes>$' "$tmp/all"; then ok; else fail "secrets are not marked as hidden"; fi
if grep -q 'no identity yet' "$tmp/all"; then fail "the identity is there"; else ok; fi
rm .kiln/secrets/nodes/duck/node-password
says 1 "kiln plan: node 'duck': './.kiln/secrets/nodes/duck/node-password' is missing: run 'kiln init'" plan duck
echo $mark >.kiln/secrets/nodes/duck/node-password

# A lock: what it names and what of it is in the cache.
export KILN_CACHE="$tmp/cache"
echo 'not K3s' >"$tmp/binary"
sum=$(sha256sum <"$tmp/binary" | cut -c1-64)
cat >kiln.lock <<LOCK
{ "kiln_lock": 1, "sets": [], "packages": [],
  "files": [ {"arch":"arm64","name":"k3s","sha256":"$sum","url":"https://example.org/k3s","version":"v1.35.2+k3s1"} ] }
LOCK
plan_has() {
	"$kiln" plan | grep -Eq -- "$1"
}
check "plan: a locked input that is not here" plan_has '^  k3s \(arm64\) +v1\.35\.2\+k3s1 +to be fetched$'
mkdir -p "$tmp/cache/sha256"
cp "$tmp/binary" "$tmp/cache/sha256/$sum"
check "plan: and one that is" plan_has '^  k3s \(arm64\) +v1\.35\.2\+k3s1 +cached, 8 B$'
echo '{' >kiln.lock
if "$kiln" plan >/dev/null 2>"$tmp/err"; then fail "plan takes a damaged lock"; elif grep -q 'kiln.lock' "$tmp/err"; then ok; else fail "a damaged lock is not named"; fi
rm kiln.lock

if need strace; then
	strace -f -o "$tmp/strace" "$kiln" plan >/dev/null 2>&1
	if ! grep -Eq 'socket\(|connect\(|(^| )(clone|clone3|fork|vfork)\(' "$tmp/strace" &&
		[ "$(grep -c 'execve(' "$tmp/strace")" = 1 ]; then
		ok
	else
		fail "plan uses the network or another program"
	fi
else
	skip "strace is not installed"
fi
# 50 ms for check and plan together, the best of ten. Processor time is what is judged: nothing
# waits (strace, above), and on a busy machine the wall clock tells of the others.
times=$(python3 - "$kiln" <<'PY'
import os, subprocess, sys, time
wall = cpu = 1e9
for _ in range(10):
    t, before = time.perf_counter(), os.times()
    for command in ("check", "plan"):
        subprocess.run([sys.argv[1], command], stdout=subprocess.DEVNULL, check=True)
    after = os.times()
    wall = min(wall, time.perf_counter() - t)
    cpu = min(cpu, after.children_user + after.children_system - before.children_user - before.children_system)
print(round(cpu * 1000), round(wall * 1000))
PY
)
echo "# check and plan of three nodes: ${times% *} ms of processor time, ${times#* } ms by the wall clock"
if [ "${times% *}" -le 50 ]; then ok; else fail "check and plan take ${times% *} ms, more than 50"; fi
cd / || exit 1
