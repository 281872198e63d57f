#!/usr/bin/env bash
# kiln-node run from power-on to a joined node against testk3s (the real API server), in a
# network namespace with the node's own addresses. systemctl is played: there is no systemd
# below, and the unit's process is the very K3s that this script has started.
set -u
cd "$(dirname "$0")/../.." || exit 1
# shellcheck source=tests/node/lib.sh
. tests/node/lib.sh
for part in bad-input facts join kill link dup platform; do
	# shellcheck disable=SC1090
	. "tests/node/$part.sh"
done
control_plane() {
	root cow
	start_agent cow
	check "cow waits while K3s has not started" wait_status cow '.steps[]|select(.name=="k3s")|.state=="waiting"' 20
	cp "$KUBECONFIG" "$work/cow/etc/rancher/k3s/k3s.yaml"
	check "cow becomes ready" wait_status cow '.phase=="ready"' 60
	check "status in the cluster" reported cow
	check "role of cow" has_role cow control-plane
	check "status command" sh -c "KILN_STATUS=$work/cow/run/kiln/status.json $agent status | grep -q '^k3s  *done'"
	cow_pid=$agent_pid
	fsid_learned
}

worker() {
	mkdir -p "$CLUSTER_DIR/sheep/data/agent/images"
	archive "$CLUSTER_DIR/sheep/data/agent/images/a.tar" quay.io/cilium/cilium:v1.19.6
	cluster_agent sheep --node-ip 192.168.14.4,fd12:3456:789a:14:3161:c474:a553:4ea2 --lb-server-port 6444
	root sheep
	worker_facts
	start_agent sheep
	check "sheep becomes ready with the kubelet's identity" wait_status sheep '.phase=="ready"' 90
	check "images: all are there" state sheep images 'done' 'all 1 are here' 60
	check "sheep's own status arrives" reported sheep
	check "the kubelet may not write another node's status" may_not_write sheep status-cow
	check "role of sheep is set by the control-plane" has_role sheep worker
	stop_agent ""
}

# Of cow, which has been idle since: all the time that the rest takes.
cpu_ns() { cut -d' ' -f1 "/proc/$cow_pid/schedstat"; }
figures_begin() {
	cpu0=$(cpu_ns) time0=$(date +%s%N)
}
figures_end() {
	local rss cpu1 time1 stripped=$work/stripped
	cpu1=$(cpu_ns) time1=$(date +%s%N)
	rss=$(awk '/^Private/ {s += $2} END {print s}' "/proc/$cow_pid/smaps_rollup")
	strip -o "$stripped" "$agent"
	echo "kiln-node: private memory $rss KiB, $(((cpu1 - cpu0) / 1000000)) ms of CPU in $(((time1 - time0) / 1000000000)) s idle ($(((cpu1 - cpu0) * 100000 / (time1 - time0))) thousandths of a percent), binary $(stat -c %s "$stripped") bytes stripped"
	check "private memory below 16 MiB" test "$rss" -lt 16384
	check "idle CPU below 0.1 % with a report every 15 s" test $(((cpu1 - cpu0) * 1000)) -lt $((time1 - time0))
	check "binary below 1 MiB" test "$(stat -c %s "$stripped")" -lt 1048576
}

network
systemctl_shim
CLUSTER_AGENT=1 cluster_start --node-name cow --node-ip 192.168.14.3,fd12:3456:789a:14:3161:c474:a553:4ea1 \
	--cluster-init --tls-san 192.168.14.4 || exit 1
trap at_exit EXIT # cluster_start has set one of its own
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout /dev/null -subj /CN=other -days 30 \
	-out "$work/other-ca.pem" 2>/dev/null
rook_secret
control_plane
# ONLY="labels_and_taints; clocks": these alone
if [ -n "${ONLY:-}" ]; then
	eval "$ONLY"
	echo "$passed passed, $failed failed, 0 skipped"
	exit
fi
figures_begin
link_begin
dup_begin
worker
link_silence
told_systemd
damaged_seeds
full_and_read_only
clocks
never_ready
tokens_and_names
stand_in 192.168.14.4
first_control_plane
further_control_planes
kill "$stand_in_pid"
killed_at_every_record 2>/dev/null # the shell tells of each
labels_and_taints
dup_end
link_end
figures_end
stand_in 192.168.14.4
drop_in_joins
echo "$passed passed, $failed failed, 0 skipped"
[ "$failed" = 0 ]
