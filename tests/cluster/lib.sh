# lib.sh - a fresh real API server for one test (bash; source it)
#
#	. tests/cluster/lib.sh
#	cluster_start                      # or: cluster_start --disable-cloud-controller ...
#	cluster_nodes cow sheep            # machines played by kwok
#	kubectl get nodes                  # KUBECONFIG is set, kubectl is testk3s'
#	cluster_stop                       # also done at exit
#
# The server has the ranges of ../shared/bundle, both families. After cluster_start: CLUSTER_DIR (removed by cluster_stop), CLUSTER_PORT,
# CLUSTER_URL, CLUSTER_PID, KUBECONFIG, CLUSTER_LOG and CLUSTER_SCENARIO, a
# file to write troubles to (scenarios.md). Several tests may run at a time: each
# has its own folder and its own pair of loopback ports.
# CLUSTER_BIND is the server's address, 127.0.0.1 unless set before cluster_start.
# CLUSTER_NOTIFY names a socket for sd_notify. CLUSTER_AGENT=1 before cluster_start gives the server a Node of its own.
# CLUSTER_KEEP=1 leaves the folder for a look at the log. Deadlines are for an idle fast machine and are multiplied by
# CLUSTER_PATIENCE (5): they end a test that hangs, no test is about them.

CLUSTER_HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
CLUSTER_PORTS=${TMPDIR:-/tmp}/kiln-test-ports
CLUSTER_DEADLINE=${CLUSTER_DEADLINE:-60}
CLUSTER_PATIENCE=${CLUSTER_PATIENCE:-5}

# cluster_bin - builds what is missing and sets CLUSTER_BIN
cluster_bin() {
	if [ -z "${CLUSTER_BIN:-}" ]; then
		CLUSTER_BIN=$(bash "$CLUSTER_HERE/build.sh" testk3s testk3s-agent kwok) || return 1
		export CLUSTER_BIN
	fi
}

kubectl() { "$CLUSTER_BIN/testk3s" kubectl "$@"; }

# cluster_port - reserves two neighbouring loopback ports and prints the first
cluster_port() {
	local p n
	mkdir -p "$CLUSTER_PORTS"
	for n in $(seq 200); do
		p=$((20000 + (RANDOM * 32768 + RANDOM) % 6000 * 2))
		mkdir "$CLUSTER_PORTS/$p" 2>/dev/null || continue
		if ! (exec 3<>"/dev/tcp/127.0.0.1/$p") 2>/dev/null &&
			! (exec 3<>"/dev/tcp/127.0.0.1/$((p + 1))") 2>/dev/null; then
			echo "$p"
			return 0
		fi
		rmdir "$CLUSTER_PORTS/$p"
	done
	echo "lib.sh: no free pair of ports" >&2
	return 1
}

# cluster_start [option of k3s server...] - the log says what went wrong
cluster_start() {
	cluster_prepare && cluster_run "$@"
}

# cluster_prepare - folder, ports and config.yaml of a server yet to start
cluster_prepare() {
	cluster_bin || return 1
	CLUSTER_DIR=$(mktemp -d "${TMPDIR:-/tmp}/kiln-cluster.XXXXXX") || return 1
	CLUSTER_PORT=$(cluster_port) || return 1
	CLUSTER_URL=https://${CLUSTER_BIND:=127.0.0.1}:$CLUSTER_PORT
	CLUSTER_LOG=$CLUSTER_DIR/server.log
	CLUSTER_SCENARIO=$CLUSTER_DIR/scenario.yaml
	# kubectl's discovery cache is by port, and ports come again
	export KUBECONFIG=$CLUSTER_DIR/k3s.yaml KUBECACHEDIR=$CLUSTER_DIR/cache CLUSTER_DIR CLUSTER_PORT CLUSTER_URL
	CLUSTER_SHELL=$BASHPID
	trap cluster_stop EXIT
	: >"$CLUSTER_SCENARIO"
	cat >"$CLUSTER_DIR/config.yaml" <<-EOF
		cluster-cidr: 10.42.0.0/16,fd22:2025:6a6a:42::/104
		service-cidr: 10.43.0.0/16,fd22:2025:6a6a:43::/112
		flannel-backend: none
		disable-kube-proxy: true
		kube-controller-manager-arg: [node-cidr-mask-size-ipv6=120]
	EOF
}

# cluster_run [option...] - starts the server in CLUSTER_DIR (again)
cluster_run() {
	CLUSTER_OPTIONS=("$@")
	: >"$CLUSTER_LOG"
	local local_agent=--disable-agent
	if [ -n "${CLUSTER_AGENT:-}" ]; then local_agent=--disable-agent=false; fi
	TESTK3S_NO_FSYNC=1 TESTK3S_SCENARIO=$CLUSTER_SCENARIO TESTK3S_NODE_DIR=$CLUSTER_DIR/node \
		NOTIFY_SOCKET=${CLUSTER_NOTIFY:-} K3S_CONFIG_FILE='' "$CLUSTER_BIN/testk3s" server \
		--config "$CLUSTER_DIR/config.yaml" --data-dir "$CLUSTER_DIR/data" \
		--https-listen-port "$CLUSTER_PORT" --bind-address "$CLUSTER_BIND" \
		--write-kubeconfig "$KUBECONFIG" "$local_agent" "$@" \
		>"$CLUSTER_LOG" 2>&1 </dev/null &
	CLUSTER_PID=$!
	local n
	for n in $(seq $((CLUSTER_DEADLINE * CLUSTER_PATIENCE * 10))); do
		if grep -q 'k3s is up and running' "$CLUSTER_LOG"; then
			sed -i "s/server: https:..127.0.0.1:/server: https:\/\/$CLUSTER_BIND:/" "$KUBECONFIG"
			return 0
		fi
		if ! kill -0 "$CLUSTER_PID" 2>/dev/null; then break; fi
		sleep 0.1
	done
	echo "lib.sh: the server did not come up:" >&2
	grep 'level=' "$CLUSTER_LOG" >&2 || tail -5 "$CLUSTER_LOG" >&2
	return 1
}

# cluster_certmanager [late] - cert-manager's real webhook and cainjector take
# the place of the played pods; with late, cainjector waits for cluster_inject
cluster_certmanager() {
	local port
	[ -x "$CLUSTER_BIN/certmanager" ] || bash "$CLUSTER_HERE/build.sh" certmanager >/dev/null || return 1
	port=$(cluster_port) || return 1
	CLUSTER_RESERVED="${CLUSTER_RESERVED:-} $port"
	[ "${1:-}" = late ] || cluster_inject
	# its RBAC lets in-cluster identities do this; here it acts as the supervisor
	"$CLUSTER_BIN/certmanager" --kubeconfig "$CLUSTER_DIR/data/server/cred/supervisor.kubeconfig" \
		--port "$port" --inject-when "$CLUSTER_DIR/inject" >"$CLUSTER_DIR/certmanager.log" 2>&1 </dev/null &
	CLUSTER_AGENTS="${CLUSTER_AGENTS:-} $!"
	echo "cert-manager/cert-manager-webhook-:10250 127.0.0.1:$port" >>"$CLUSTER_DIR/data/server/routes"
}

cluster_inject() { : >"$CLUSTER_DIR/inject"; }

# cluster_agent NAME [option of k3s agent...] - a real agent process that joins
# by the server's token; sets CLUSTER_LB, the port of its balancer. Its data is
# in $CLUSTER_DIR/NAME, its log beside it.
cluster_agent() {
	local name=$1
	shift
	CLUSTER_LB=$(cluster_port) || return 1
	CLUSTER_RESERVED="${CLUSTER_RESERVED:-} $CLUSTER_LB"
	mkdir -p "$CLUSTER_DIR/$name"
	: >"$CLUSTER_DIR/$name.log" # an earlier one's words are not this one's
	TESTK3S_SCENARIO=$CLUSTER_SCENARIO TESTK3S_NODE_DIR=$CLUSTER_DIR/$name/node NOTIFY_SOCKET=${CLUSTER_NOTIFY:-} K3S_CONFIG_FILE='' \
		${CLUSTER_VIA:-} "$CLUSTER_BIN/testk3s-agent${CLUSTER_ARCH:+-$CLUSTER_ARCH}" agent --config "$CLUSTER_DIR/$name/config.yaml" \
		--data-dir "$CLUSTER_DIR/$name/data" --lb-server-port "$CLUSTER_LB" --node-name "$name" \
		--server "$CLUSTER_URL" --token "$(cat "$CLUSTER_DIR/data/server/node-token")" "$@" \
		>"$CLUSTER_DIR/$name.log" 2>&1 </dev/null &
	CLUSTER_AGENTS="${CLUSTER_AGENTS:-} $!"
}

# cluster_halt - stops the server, leaves its data; cluster_run starts it again
cluster_halt() {
	[ -n "${CLUSTER_PID:-}" ] || return 0
	kill "$CLUSTER_PID" 2>/dev/null
	local n
	for n in $(seq $((20 * CLUSTER_PATIENCE * 10))); do
		kill -0 "$CLUSTER_PID" 2>/dev/null || break
		sleep 0.1
	done
	kill -9 "$CLUSTER_PID" 2>/dev/null
	wait "$CLUSTER_PID" 2>/dev/null
	CLUSTER_PID=
}

cluster_stop() {
	local x
	# a child that is ended between fork and exec runs this trap too
	[ "$BASHPID" = "${CLUSTER_SHELL:-}" ] || return 0
	cluster_agents_end
	cluster_halt
	for x in ${CLUSTER_LISTENERS:-}; do kill "$x" 2>/dev/null; done
	CLUSTER_LISTENERS=''
	for x in ${CLUSTER_PORT:-} ${CLUSTER_RESERVED:-}; do rmdir "$CLUSTER_PORTS/$x" 2>/dev/null; done
	CLUSTER_RESERVED='' CLUSTER_PORT=''
	if [ -n "${CLUSTER_DIR:-}" ] && [ -z "${CLUSTER_KEEP:-}" ]; then rm -rf "$CLUSTER_DIR"; fi
	CLUSTER_DIR=
	return 0
}

# cluster_agents_end - ends agents and neighbours, leaves the server
cluster_agents_end() {
	local x
	for x in ${CLUSTER_AGENTS:-}; do
		kill "$x" 2>/dev/null && wait "$x" 2>/dev/null
	done
	CLUSTER_AGENTS=''
}

# cluster_notify SOCKET FILE [COMMAND...] - writes what sd_notify says down, one word a line; a command is run at that
# moment, and what it has to say follows the word
cluster_notify() {
	python3 - "$@" <<-'EOF' &
		import socket, subprocess, sys
		s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
		s.bind(sys.argv[1])
		with open(sys.argv[2], "a", buffering=1) as f:
		    while True:
		        said = s.recv(4096).decode().strip()
		        if sys.argv[3:]:
		            p = subprocess.run(sys.argv[3:], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
		            said += " " + p.stdout.strip()
		        f.write(said + "\n")
	EOF
	CLUSTER_LISTENERS="${CLUSTER_LISTENERS:-} $!"
	cluster_wait 10 test -S "$1"
}

# cluster_nodes NAME... - Node objects whose machines kwok plays
cluster_nodes() {
	local name i=0
	for name; do
		i=$((i + 1))
		kubectl create -f - <<EOF || return 1
apiVersion: v1
kind: Node
metadata:
  name: $name
  annotations: {kwok.x-k8s.io/node: fake}
  labels: {kubernetes.io/hostname: $name, kubernetes.io/os: linux, kubernetes.io/arch: amd64}
status:
  addresses:
  - {type: InternalIP, address: 192.168.14.$((i + 10))}
  - {type: InternalIP, address: "fd12:3456:789a:14::$i"}
  - {type: Hostname, address: $name}
EOF
	done
}

# cluster_scenario - takes the scenario from standard input and waits until it is in force
cluster_scenario() {
	local n before
	local answer='scenario in force\|level=error msg="scenario: '
	before=$(grep -c "$answer" "$CLUSTER_LOG")
	cat >"$CLUSTER_SCENARIO.new"
	if cmp -s "$CLUSTER_SCENARIO.new" "$CLUSTER_SCENARIO"; then return 0; fi
	mv "$CLUSTER_SCENARIO.new" "$CLUSTER_SCENARIO"
	for n in $(seq $((20 * CLUSTER_PATIENCE * 10))); do
		if [ "$(grep -c "$answer" "$CLUSTER_LOG")" -gt "$before" ]; then return 0; fi
		sleep 0.1
	done
	echo 'lib.sh: the scenario is not in force' >&2
	return 1
}

# cluster_wait SECONDS COMMAND... - until the command succeeds
cluster_wait() {
	local end=$((SECONDS + $1 * CLUSTER_PATIENCE)) out
	shift
	until out=$("$@" 2>&1); do
		if [ "$SECONDS" -ge "$end" ]; then
			echo "lib.sh: not within the deadline: $*: ${out:0:1000}" >&2
			return 1
		fi
		sleep 0.2
	done
}
# cluster_apart PID - waits until PID has a network namespace of its own: a link moved sooner would be moved into ours,
# and ip would call that success
cluster_apart() {
	cluster_wait 10 sh -c "test -e /proc/$1/ns/net && ! test /proc/$1/ns/net -ef /proc/self/ns/net"
}
