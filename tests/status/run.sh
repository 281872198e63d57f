#!/usr/bin/env bash
# kiln status without machines: an sshd a node, with the host keys that kiln init made, answers
# with the real kiln-node status; an HTTPS server with a certificate of the cluster's CA, which
# asks for the client's, stands where the API server would (tests/qemu/cluster has a real one).
#
# usage: run.sh BUILD-FOLDER
set -u
build=$1
kiln=$build/kiln
src=$PWD
work=$(mktemp -d)
passed=0 failed=0 skipped=0
children=()

ok() { passed=$((passed + 1)) && echo "ok - $1"; }
not_ok() { # name, detail
	failed=$((failed + 1))
	echo "not ok - $1"
	printf '%s\n' "${2:-}" | tail -n 20 | sed 's/^/#   /'
}
has() { if grep -qE -- "$3" <<<"$2"; then ok "$1"; else not_ok "$1" "no '$3' in: $2"; fi; }
has_not() { if grep -qE -- "$3" <<<"$2"; then not_ok "$1" "'$3' in: $2"; else ok "$1"; fi; }
is() { if [ "$2" = "$3" ]; then ok "$1"; else not_ok "$1" "'$2', not '$3'"; fi; }
finish() {
	echo "$passed passed, $failed failed, $skipped skipped"
	[ "$failed" = 0 ]
	exit
}
cleanup() {
	for p in "${children[@]}"; do kill "$p" 2>/dev/null; done
	wait 2>/dev/null
	rm -rf "$work"
}
trap cleanup EXIT
if [ ! -x /usr/sbin/sshd ] || [ "$(id -u)" != 0 ] && [ ! -d /run/sshd ]; then
	skipped=1
	echo "SKIPPED - all of kiln status: no sshd here"
	finish
fi
mkdir -p /run/sshd 2>/dev/null
free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }

cd "$work" || exit 1
chmod 0755 "$work"
ssh-keygen -q -t ed25519 -N '' -f key
sed "s|- ssh-ed25519 .*|- $(cat key.pub)|; s|user: lab|user: $(id -un)|; /^ *binary: k3s/d" "$src/examples/lab/cluster.yaml" >cluster.yaml
# sshd lets in who runs this, which may be root: no user name that cluster.yaml would refuse is needed
sed -i "s|user: root|user: lab|" cluster.yaml
for c in net store web; do cp -r "$src/examples/lab/$c" .; done
"$kiln" init >init.log 2>&1 || { not_ok "kiln init" "$(cat init.log)" && finish; }
cat >ssh-as-me <<'END'
#!/bin/bash
# the real ssh; only the user's name is the one that runs this test
args=()
while [ $# -gt 0 ]; do
	if [ "$1" = -l ]; then args+=(-l "$(id -un)") && shift 2; else args+=("$1") && shift; fi
done
exec /usr/bin/ssh "${args[@]}"
END
mkdir bin && install -m 0755 ssh-as-me bin/ssh
export PATH=$work/bin:$PATH

# node NODE KEYS-OF: an sshd with the host keys of KEYS-OF that answers as kiln-node status does
declare -A port=() pid=()
node() {
	local name=$1 keys=$2
	port[$name]=$(free_port)
	cp .kiln/secrets/nodes/"$keys"/ssh_host_ed25519_key "$name.key"
	chmod 0600 "$name.key"
	cat >"$name.sshd" <<-END
		Port ${port[$name]}
		ListenAddress 127.0.0.1
		HostKey $work/$name.key
		PidFile none
		AuthorizedKeysFile $work/key.pub
		StrictModes no
		UsePAM no
		PermitRootLogin prohibit-password
		ForceCommand test "\$SSH_ORIGINAL_COMMAND" = "/usr/sbin/kiln-node status --json --watch" && KILN_STATUS=$work/$name.json exec $build/kiln-node status --json --watch
	END
	/usr/sbin/sshd -D -e -f "$work/$name.sshd" 2>"$name.sshd.log" &
	pid[$name]=$!
	children+=($!)
}
says() { # NODE PHASE STEP-STATE REASON
	jq -n --arg n "$1" --arg p "$2" --arg s "$3" --arg r "$4" --argjson now "$(date +%s)" '{schema: 1, node: $n,
		boot_id: "01234567-89ab-cdef-0123-456789abcdef", updated_at: $now, phase: $p, addresses: ["192.168.15.10/24"],
		steps: [{name: "clock", state: "done", reason: null, since: $now, attempt: 1},
			{name: "k3s", state: $s, reason: $r, since: $now, attempt: 1}], components: []}' >"$1.json.new"
	mv "$1.json.new" "$1.json"
}
with_component() { # NODE STATE APPLIED REASON
	jq --arg s "$2" --argjson a "$3" --arg r "$4" '.components = [{name: "web", state: $s, applied: $a, objects: 4,
		gates: [{name: "deployment-available", state: (if $s == "ready" then "done" else "waiting" end), reason: $r}]}]' \
		"$1.json" >"$1.json.new" && mv "$1.json.new" "$1.json"
}
forwards() { # API-PORT
	jq -n --argjson h "${port[hen]}" --argjson g "${port[goat]}" --argjson a "$1" \
		'{schema: 1, nodes: {hen: {ssh: $h, api: $a}, goat: {ssh: $g}}}' >forwards.json
}
status() { "$kiln" status --forwards forwards.json -i key "$@" 2>&1; }

node hen hen
node goat goat
forwards "$(free_port)"
says hen working running 'starts'
says goat waiting waiting $'the API server\e[2J is silent'
out=$(status)
is "not all up: exit 1" "$(status >/dev/null; echo $?)" 1
has "a node that works" "$out" '^hen +######\.+ +1/2 +k3s running: starts$'
has "what a node waits for, without its control characters" "$out" '^goat +#+\.+ +1/2 +k3s waiting: the API server \[2J is silent$'
has_not "no escape reaches the terminal" "$out" $'\e'
has "the API server's silence is told" "$out" '^API server: cannot ask .https://127\.0\.0\.1:'
has "the summary" "$out" '0 of 2 nodes are up'
is "json: where it is from" "$(status --json | sed '$d' | jq -rc '[.up, (.nodes[] | .node, .source, .up)]')" '[false,"hen","ssh",false,"goat","ssh",false]'

# live, in a pipe: a line for each change, until all is up
status --watch --timeout 10min >watch.log &
watch=$!
wait_line() { for _ in $(seq 600); do grep -qE "$1" watch.log && return 0; sleep 0.1; done; return 1; }
wait_line '^\[ *[0-9]+ s\] goat .*k3s waiting' || not_ok "the first line of goat" "$(cat watch.log)"
says goat ready 'done' ''
if wait_line '^\[ *[0-9]+ s\] goat .*2/2 +ready$'; then ok "a change is told"; else not_ok "a change is told" "$(cat watch.log)"; fi
with_component hen gating 3 '1 of 2 replicas'
if wait_line '\] web +#+\.+ +3/4 +gating, waits for deployment-available: 1 of 2 replicas$'; then ok "a component and its gate"; else not_ok "a component and its gate" "$(cat watch.log)"; fi
says hen ready 'done' ''
with_component hen ready 4 ''
wait "$watch"
is "it ends when all is up: exit 0" $? 0
is "no line twice" "$(cut -d']' -f2 watch.log | sort | uniq -d)" ''
is "once more: exit 0" "$(status >/dev/null; echo $?)" 0
is "a node that wrote nothing for long is not up" "$(jq '.updated_at -= 400' hen.json >x && mv x hen.json; status | grep -c 'silent for')" 1
says hen ready 'done' ''

# on a terminal: drawn over itself
out=$(script -qec "$kiln status --watch --forwards forwards.json -i key --timeout 60s" /dev/null </dev/null 2>&1)
has "the picture on a terminal" "$out" '2 of 2 nodes are up'
says hen working waiting ''
out=$(script -qec "$kiln status --watch --forwards forwards.json -i key --timeout 6s" /dev/null </dev/null 2>&1)
has "is drawn over the last one" "$out" $'\e\\[3A'

# a host key that is not hen's: nothing that it says is believed
kill "${pid[hen]}" && wait "${pid[hen]}" 2>/dev/null
node hen goat
forwards "$(free_port)"
says hen ready 'done' ''
out=$(status)
has "another host key is refused" "$out" '^hen .*not heard of yet: (Host key verification failed|.*REMOTE HOST IDENTIFICATION)'
is "and not up" "$(status >/dev/null; echo $?)" 1

# the API server: TLS both ways, by openssl
tls=.kiln/secrets/k3s/server/tls
api() { # CA-NAME: a server's certificate for 127.0.0.1 by that CA
	local p
	p=$(free_port)
	openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout api.key -subj /CN=kube-apiserver -out api.csr 2>/dev/null
	openssl x509 -req -in api.csr -CA "$1.crt" -CAkey "$1.key" -CAcreateserial -CAserial "$work/serial" -days 2 \
		-extfile <(echo 'subjectAltName=IP:127.0.0.1') -out api.crt 2>/dev/null
	(cd www && exec openssl s_server -WWW -accept "127.0.0.1:$p" -cert ../api.crt -key ../api.key \
		-CAfile "../$tls/client-ca.crt" -Verify 3 -verify_return_error >../api.log 2>&1) &
	children+=($!)
	for _ in $(seq 100); do (: <>"/dev/tcp/127.0.0.1/$p") 2>/dev/null && break || sleep 0.1; done
	forwards "$p"
}
mkdir -p www/api/v1/namespaces/kiln-system
configmaps() { # FSID
	jq -n --rawfile s hen.json --arg f "$1" '{kind: "ConfigMapList", items: [
		{metadata: {name: "status-hen"}, data: {"status.json": $s}}, {metadata: {name: "other"}},
		{metadata: {name: "cluster"}, data: {fsid: $f}}]}' >www/api/v1/namespaces/kiln-system/configmaps
}
configmaps 5d7d3f5c-90c5-4e07-9d14-8d1b0d3b7a01
api "$tls/server-ca"
out=$(status)
is "by its ConfigMap a node is up although ssh does not work" "$(status --json | jq -rc '.nodes[0] | [.source, .up]')" '["api",true]'
has "what ssh says stands beside it" "$out" 'by its ConfigMap; ssh: '
is "all up by both ways: exit 0" "$(status >/dev/null; echo $?)" 0
is "the fsid is kept" "$(cat .kiln/secrets/fsid)" 5d7d3f5c-90c5-4e07-9d14-8d1b0d3b7a01
is "for its owner alone" "$(stat -c %a .kiln/secrets/fsid)" 600
configmaps 00000000-90c5-4e07-9d14-8d1b0d3b7a01
has "another fsid is told" "$(status)" "the cluster's fsid is 00000000-90c5-.*has another: it stays"
is "and does not replace it" "$(cat .kiln/secrets/fsid)" 5d7d3f5c-90c5-4e07-9d14-8d1b0d3b7a01
configmaps nonsense
is "nonsense is none" "$(status --json | jq -r .fsid)" null
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout foreign.key -subj /CN=foreign -out foreign.crt 2>/dev/null
api foreign
has "an API server of another CA is not asked" "$(status)" '^API server: .*(certificate|issuer)'

is "usage: unknown option" "$("$kiln" status --what 2>&1; echo $?)" "kiln status: unknown option '--what'; 'kiln status --help' tells more
2"
is "usage: duration" "$("$kiln" status --timeout soon 2>&1 | head -n 1)" "kiln status: --timeout wants a duration such as 20min, not 'soon'; 'kiln status --help' tells more"
finish
