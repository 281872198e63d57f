#!/bin/bash
# Agents: what they tell systemd, the limit on joining, and the agent of the other architecture
set -u
here=$(cd "$(dirname "$0")" && pwd)
. "$here/lib.sh"
. "$here/tap.sh"

is() { [ "$1" = "$2" ] || { echo "'$1' is not '$2'"; return 1; }; }
node() { kubectl get node "$1" -o jsonpath="$2"; }
cluster_start || exit 1
good=$(cat "$CLUSTER_DIR/data/server/node-token")

# READY=1 of an agent that joined, and of no other
CLUSTER_NOTIFY=$CLUSTER_DIR/notify.sock
cluster_notify "$CLUSTER_NOTIFY" "$CLUSTER_DIR/notify.txt"
ready_said() { grep -cx READY=1 "$CLUSTER_DIR/notify.txt"; }
cluster_agent hen --token "K10$(printf '0%.0s' {1..64})::${good#*::}"
t 'an agent with a wrong digest waits' cluster_wait 20 grep -q 'token CA hash does not match' "$CLUSTER_DIR/hen.log"
t 'and does not say READY=1' is "$(ready_said)" 0
cluster_agents_end
cluster_agent hen --node-ip 127.0.0.2,fd00::2
t 'one that joins' cluster_wait 20 grep -q 'Node hen registered' "$CLUSTER_DIR/hen.log"
t 'says it once' is "$(ready_said)" 1
cluster_agents_end
CLUSTER_NOTIFY=

# K3s lets ten writes of joining agents in at a time: thirty, with credentials, whose body never comes. A body this
# large, because Go's server reads a shorter one to its end before it answers, and there would be no answer either.
cat >"$CLUSTER_DIR/flood.py" <<'EOF'
import base64, selectors, socket, ssl, sys, time
port, password = int(sys.argv[1]), sys.argv[2]
ctx = ssl.create_default_context()
ctx.check_hostname, ctx.verify_mode = False, ssl.CERT_NONE
basic = base64.b64encode(("node:" + password).encode()).decode()
sel = selectors.DefaultSelector()
for _ in range(30):
    s = ctx.wrap_socket(socket.create_connection(("127.0.0.1", port)))
    s.sendall(("POST /v1-k3s/client-kube-proxy.crt HTTP/1.1\r\nHost: x\r\nAuthorization: Basic %s\r\n"
               "Content-Length: 1000000\r\n\r\n" % basic).encode())
    s.setblocking(False)
    sel.register(s, selectors.EVENT_READ)
answers = []
while len(answers) < 20:
    for key, _ in sel.select():
        try:
            answers.append(key.fileobj.recv(4096).decode())
        except ssl.SSLWantReadError: # a session ticket, no answer
            continue
        sel.unregister(key.fileobj)
print(len(answers), "answered", len(sel.get_map()), "held:", *sorted({a.splitlines()[0] for a in answers}))
print(*sorted({l for a in answers for l in a.splitlines() if l.startswith("Retry")}), flush=True)
time.sleep(3600)
EOF
python3 "$CLUSTER_DIR/flood.py" "$CLUSTER_PORT" "${good##*:}" >"$CLUSTER_DIR/flood" &
flood=$!
CLUSTER_AGENTS=$flood
t 'of thirty writes ten are let in' cluster_wait 60 grep -qx '20 answered 10 held: HTTP/1.1 429 Too Many Requests' "$CLUSTER_DIR/flood"
t_has 'and the others told to come back' 'Retry-After: 1' cat "$CLUSTER_DIR/flood"
cluster_agent ewe
t 'an agent that joins meanwhile waits' cluster_wait 20 grep -q 'server is not ready: 429' "$CLUSTER_DIR/ewe.log"
kill $flood
t 'and gets in when there is room' cluster_wait 20 grep -q 'Node ewe registered' "$CLUSTER_DIR/ewe.log"
cluster_agents_end

# the other architecture's agent, really run
case $(uname -m) in
x86_64) CLUSTER_ARCH=arm64 CLUSTER_VIA=qemu-aarch64-static ;;
*) CLUSTER_ARCH=amd64 CLUSTER_VIA=qemu-x86_64-static ;;
esac
if command -v "$CLUSTER_VIA" >/dev/null; then
	cluster_agent ram --node-ip 127.0.0.3,fd00::3
	t "the other architecture's agent joins" cluster_wait 60 grep -q 'Node ram registered' "$CLUSTER_DIR/ram.log"
	t 'its Node says what it runs on' is "$(node ram '{.status.nodeInfo.architecture} {.metadata.labels.kubernetes\.io/arch}')" \
		"$CLUSTER_ARCH $CLUSTER_ARCH"
	renewed() { [ -n "$(kubectl get lease -n kube-node-lease ram -o jsonpath='{.spec.renewTime}')" ]; }
	t 'and it keeps its lease' cluster_wait 20 renewed
else
	t_skip 3 "no $CLUSTER_VIA"
fi
t_done
