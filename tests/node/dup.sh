# shellcheck shell=bash
# Another machine has the node's address, of either family, by a cable pair: before the node takes it, where it is left
# down, and while the node has it itself.
# shellcheck disable=SC2154

at_twin() { nsenter -t "$twin" -n ip "$@"; }
dup_begin() {
	unshare -n sleep 3600 &
	twin=$!
	pids="$pids $twin"
	ip link add dup0 type veth peer name twin0
	check "duplicate: a twin" cluster_apart $twin
	ip link set twin0 netns $twin
	at_twin addr add 10.8.0.2/24 dev twin0
	at_twin link set twin0 up
	ip link set dup0 up
	twin_mac=$(at_twin -j link show twin0 | jq -r '.[0].address')
	cow_root dup '.node.interface = "dup0" | .node.addresses = ["10.8.0.2/24", "fd08::2/64"]
		| .node.gateways = ["10.8.0.1", "fd08::1"] | .peers = []'
	start_agent dup
	dup_pid=$agent_pid
	check "duplicate: who has the address is told, with its MAC" \
		state dup network failed "another machine on the network has 10.8.0.2/24: $twin_mac" 60
	at_twin addr del 10.8.0.2/24 dev twin0
	check "duplicate: when it is given up the node waits for its own" state dup network waiting "waiting for address 10.8.0.2/24" 60
	at_twin addr add fd08::2/64 dev twin0 nodad
	ip addr add 10.8.0.2/24 dev dup0
	check "duplicate: the same with IPv6" state dup network failed "another machine on the network has fd08::2/64: $twin_mac" 60
	at_twin addr del fd08::2/64 dev twin0
	ip addr add fd08::2/64 dev dup0 nodad
	check "duplicate: and has both" state dup network 'done' '' 60
	at_twin addr add 10.8.0.2/24 dev twin0
}
dup_end() {
	check "duplicate: one that comes later is told too" \
		state dup network failed "another machine on the network has 10.8.0.2/24: $twin_mac" 90
	stop_agent "$dup_pid"
	ip link del dup0
}
