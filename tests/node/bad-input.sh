# shellcheck shell=bash
# What may be wrong with a node's files, disks, clock and K3s: each is named, nothing is started
# that should not be, and what can be put right goes on by itself.
# shellcheck disable=SC2154

damaged_seeds() {
	local file=$work/seed/etc/kiln/node.json size cut
	cow_root seed
	size=$(stat -c %s "$file")
	cp "$file" "$work/node.json"
	for cut in 0 1 100 $((size / 2)) $((size - 3)); do
		head -c "$cut" "$work/node.json" >"$file"
		check "node.json cut after $cut bytes" fails seed /etc/kiln/node.json
	done
	echo null >"$file"
	check "node.json without an object" fails seed /etc/kiln/node.json
	jq '.schema = 99' "$work/node.json" >"$file"
	check "node.json of another schema" fails seed /etc/kiln/node.json
	jq 'del(.node.name)' "$work/node.json" >"$file"
	check "node.json without a name" fails seed "missing key 'name'"
	jq '.k3s.server = ""' "$work/node.json" >"$file"
	check "node.json with an empty server" fails seed "'server' is not a line of text"
	rm "$file"
	check "no seed" fails seed 'no seed was imported'
	# what the rest of the seed brings
	cow_root seed-token
	rm "$work/seed-token/etc/rancher/k3s/token"
	cow_root seed-yaml
	echo 'apiVersion: v1' >"$work/seed-yaml/etc/rancher/k3s/k3s.yaml"
	cow_root seed-ca '.k3s.data_dir = "/own"'
	cow_root seed-other-ca '.k3s.data_dir = "/own"'
	mkdir -p "$work/seed-other-ca/own/server/tls"
	cp "$work/other-ca.pem" "$work/seed-other-ca/own/server/tls/server-ca.crt"
	cow_root seed-bundle '.bundle = {path: "/bundle.tar", sha256: ("0" * 64)}'
	head -c 4096 /dev/zero >"$work/seed-bundle/bundle.tar"
	local n agents=
	for n in token yaml ca other-ca bundle; do
		start_agent "seed-$n"
		agents="$agents $agent_pid"
	done
	check "no token" state seed-token k3s failed "the cluster's token" 30
	check "a damaged k3s.yaml" state seed-yaml k3s failed "has no 'server'" 30
	check "no CA tree" state seed-ca k3s failed "server-ca.crt' is missing" 30
	check "a CA tree of other secrets" state seed-other-ca k3s failed 'is not the CA that this node' 30
	check "a damaged bundle" state seed-bundle images failed 'bake this node anew' 30
	for n in $agents; do stop_agent "$n"; done
}

# The state's file system: full, then with room; read-only, then writable.
full_and_read_only() {
	local d=$work/full/var/lib
	cow_root full
	mount -t tmpfs -o size=64k tmpfs "$d"
	head -c 65536 /dev/zero >"$d/ballast"
	check "a full disk" fails full 'No space left on device'
	rm "$d/ballast"
	start_agent full
	check "with room again it goes on" wait_status full '.phase == "ready"' 60
	stop_agent
	umount "$d"
	cow_root ro
	mount --bind "$work/ro/var" "$work/ro/var"
	mount -o remount,bind,ro "$work/ro/var"
	check "a read-only file system" fails ro 'Read-only file system'
	umount "$work/ro/var"
	start_agent ro
	check "writable again it goes on" wait_status ro '.phase == "ready"' 60
	stop_agent
}

clocks() {
	local shim=$work/clock-shim.so now pid1970
	if ! ${CC:-cc} -shared -fPIC -O2 -o "$shim" tests/node/clock-shim.c; then
		fail "clock-shim.c does not compile"
		return
	fi
	now=$(date +%s)
	cow_root y1970 ".clock_floor = $now"
	CLOCK_START=3600 CLOCK_LOG=$work/clock.log LD_PRELOAD=$shim start_agent y1970
	pid1970=$agent_pid
	cow_root y2099 '.node.ntp = ["192.168.14.1"]'
	CLOCK_START=4083000000 CLOCK_LOG=$work/clock2.log LD_PRELOAD=$shim start_agent y2099
	check "1970: the seed's floor is taken before any TLS, and it comes up" wait_status y1970 '.phase == "ready"' 60
	check "1970: set once, to the floor" test "$(cat "$work/clock.log")" = "$now"
	check "1970: the reason" state y1970 clock 'done' 'going on with the floor of the seed' 5
	check "2099: NTP is waited for" state y2099 clock waiting 'more than ten years after baking: waiting for NTP' 30
	check "2099: nothing that needs the clock is begun" wait_status y2099 '[.steps[] | select(.name == "network" or .name == "k3s") | .state] == ["pending", "pending"]' 5
	check "2099: the clock is not set back" test ! -e "$work/clock2.log"
	stop_agent
	stop_agent "$pid1970"
}

# K3s' unit that is for ever "activating", an API that never answers, one with another CA.
never_ready() {
	local slow dead other
	echo activating >"$work/unit-state"
	cow_root slow
	UNIT_STATE_FILE=$work/unit-state start_agent slow
	slow=$agent_pid
	cow_root dead
	sed -i 's,server: https.*,server: https://127.0.0.1:1,' "$work/dead/etc/rancher/k3s/k3s.yaml"
	start_agent dead
	dead=$agent_pid
	cow_root other
	sed -i "s,certificate-authority-data:.*,certificate-authority-data: $(base64 -w0 "$work/other-ca.pem")," \
		"$work/other/etc/rancher/k3s/k3s.yaml"
	start_agent other
	other=$agent_pid
	check "a unit that does not get ready is waited for" wait_status slow '.steps[] | select(.name == "k3s") | .state == "waiting" and .attempt >= 3 and (.reason | contains("it is activating"))' 60
	check "an API that does not answer is waited for" wait_status dead '.steps[] | select(.name == "k3s") | .state == "waiting" and .attempt >= 3 and (.reason | contains("/readyz"))' 60
	check "an API of another CA stops it hard" state other k3s failed 'is not of our CA' 30
	check "the phase says so" wait_status other '.phase == "failed"' 5
	rm "$work/unit-state"
	check "ready at last" wait_status slow '.phase == "ready"' 60
	stop_agent "$slow"
	stop_agent "$dead"
	stop_agent "$other"
}

tokens_and_names() {
	local token
	: >"$UNIT_LOG"
	token=$(cat "$CLUSTER_DIR/data/server/token")
	root wrong-ca . duck
	sed -i 's/^K10......../K10deadbeef/' "$work/wrong-ca/etc/rancher/k3s/token"
	start_agent wrong-ca
	local first=$agent_pid
	root no-token . duck
	: >"$work/no-token/etc/rancher/k3s/token"
	start_agent no-token
	local second=$agent_pid
	root refused . duck
	echo "${token%%::*}::node:ffffffffffffffffffffffffffffffff" >"$work/refused/etc/rancher/k3s/token"
	UNIT_STATE_FILE=$work/inactive start_agent refused
	local third=$agent_pid
	root no-server '.k3s.server = null' duck
	start_agent no-server
	check "a wrong CA stops it, before anything is started" state wrong-ca k3s failed 'another CA' 60
	check "an empty token is refused" state no-token k3s failed 'no full K10 token' 30
	check "a token that the server does not take" state refused k3s failed "refuses this node's token" 30
	check "a worker without a server is refused" state no-server k3s failed 'names no server to join' 30
	check "no unit was started meanwhile" test ! -s "$UNIT_LOG"
	stop_agent
	stop_agent "$first"
	stop_agent "$second"
	stop_agent "$third"
	# the name: another machine had it first
	cluster_agent duck --node-ip 192.168.14.5,fd12:3456:789a:14:3161:c474:a553:4ea3
	check "duck registers" cluster_wait 30 kubectl get node duck
	kill "${CLUSTER_AGENTS##* }"
	wait "${CLUSTER_AGENTS##* }" 2>/dev/null
	echo other >"$CLUSTER_DIR/duck/node/password"
	cluster_agent duck --node-ip 192.168.14.5,fd12:3456:789a:14:3161:c474:a553:4ea3
	check "K3s is refused" cluster_wait 30 grep -q 'Node password rejected' "$CLUSTER_DIR/duck.log"
	echo activating >"$work/unit-duck"
	root duck
	K3S_LOG=$CLUSTER_DIR/duck.log UNIT_STATE_FILE=$work/unit-duck start_agent duck
	check "a name that is taken is told with its cure" state duck k3s waiting "the name 'duck' is taken" 30
	stop_agent
	kill "${CLUSTER_AGENTS##* }"
}

# As systemd sees it: ready, what it does, and that it lives.
told_systemd() {
	local pid
	socat -u "UNIX-RECV:$work/notify.sock" "OPEN:$work/notify.log,creat,append" &
	pids="$pids $!"
	check "a socket for sd_notify" cluster_wait 10 test -S "$work/notify.sock"
	cow_root notify
	NOTIFY_SOCKET=$work/notify.sock WATCHDOG_USEC=3000000 start_agent notify
	pid=$agent_pid
	check "systemd is told that it is ready" cluster_wait 20 grep -q READY=1 "$work/notify.log"
	check "systemd is told what it does" cluster_wait 20 grep -qE 'STATUS=(all steps are done|[a-z0-9-]+: )' "$work/notify.log"
	check "the watchdog is fed within its time" cluster_wait 30 sh -c "[ \$(grep -o WATCHDOG=1 '$work/notify.log' | wc -l) -ge 6 ]"
	kill "$pid"
	wait "$pid"
	check "it stops when asked, with success" test $? = 0
}
