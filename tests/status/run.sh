#!/usr/bin/env bash
# kiln status without machines: an sshd a node, with the host keys that kiln init made, answers
# with the real kiln-node status; an HTTPS server with a certificate of the cluster's CA, which
# asks for the client's, stands where the API server would (tests/qemu/cluster has a real one).
#
# usage: run.sh BUILD-FOLDER
set -u
build=$1
# shellcheck source=tests/status/lib.sh
. tests/status/lib.sh

# status_node NODE KEYS-OF: answers as kiln-node status does
status_node() {
	node "$1" "$2" "test \"\$SSH_ORIGINAL_COMMAND\" = \"/usr/sbin/kiln-node status --json --watch\" && KILN_STATUS=$work/$1.json exec $build/kiln-node status --json --watch"
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

status_node hen hen
status_node goat goat
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
status_node hen goat
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
	api_port=$p
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
# of several control-planes the first that answers
cp cluster.yaml one.yaml
sed -i 's|role: worker|role: control-plane|; s|^components:|  sow: {board: m910q, role: control-plane, addresses: [192.168.15.12, "fd12:3456:789a:15::12"], mac: "52:54:00:00:15:12", disks: {system: {min: 4GiB}}}\n&|' cluster.yaml
"$kiln" init >init.log 2>&1 || not_ok "kiln init of three" "$(cat init.log)"
jq --argjson a "$(free_port)" --argjson b "$api_port" '.nodes.hen.api = $a | .nodes.goat.api = $b' forwards.json >x && mv x forwards.json
is "a silent control-plane is passed over" "$(status --json | sed '$d' | jq -rc '[.api_problem, (.nodes[0] | .source, .up)]')" '[null,"api",true]'
mv one.yaml cluster.yaml
forwards "$api_port"
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
