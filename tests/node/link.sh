# shellcheck shell=bash
# A link that is up and on which nobody answers any more, by a cable pair whose other end falls
# silent; the node has an interface on top of it. It takes a minute of looking, most of it asleep: begun early, judged late.
# shellcheck disable=SC2154

at_router() { nsenter -t "$router" -n ip "$@"; }
link_begin() {
	local r=$work/link
	unshare -n sleep 3600 &
	router=$!
	pids="$pids $router"
	ip link add link0 type veth peer name far0
	check "link: a router" cluster_apart $router
	ip link set far0 netns $router
	at_router addr add 10.9.0.1/24 dev far0
	at_router link set far0 up
	ip link set link0 up
	# an interface on top of the machine's own, as a VLAN's is; few kernels of test machines have 8021q
	upper=upper0
	ip link add $upper link link0 type macvlan || upper=link0
	ip addr add 10.9.0.2/24 dev $upper
	ip link set $upper up
	# the kernel forgets sooner that somebody answered
	sysctl -qw net.ipv4.neigh.$upper.base_reachable_time_ms=2000 net.ipv4.neigh.$upper.delay_first_probe_time=1
	cow_root link '.node.interface = "'$upper'" | .node.addresses = ["10.9.0.2/24"] | .node.gateways = ["10.9.0.1"] | .peers = []'
	# counters and carrier of this network namespace, not of the one that /sys was mounted for
	rm "$r/sys"
	mkdir -p "$r/sys/class/net/link0/statistics" "$r/sys/class/net/$upper"
	[ $upper = link0 ] || ln -s ../link0 "$r/sys/class/net/$upper/lower_link0"
	cp /sys/fs/cgroup/cgroup.controllers "$r/sys/" 2>/dev/null
	link_counters
	printf '#!/bin/sh\necho "$@" >>"%s"\n' "$work/nmcli.log" >"$work/bin/nmcli"
	chmod +x "$work/bin/nmcli"
	ip -o monitor link dev link0 >"$work/link.events" 2>/dev/null &
	pids="$pids $!"
	start_agent link
	link_pid=$agent_pid
	check "link: it comes up" state link network 'done' '' 30
}
link_counters() {
	local d=$work/link/sys/class/net/link0
	ip -j link show link0 | jq -r '.[0] | if (.flags | index("LOWER_UP")) then 1 else 0 end' >"$d/carrier"
	ip -j -s link show link0 | jq -r '.[0].stats64.tx.packets' >"$d/statistics/tx_packets"
}
# The gateway answers once and then no more, with the link up.
link_silence() {
	# said at the second look, which comes after the link's own: there the answer has been seen
	check "link: it was looked at twice" state link network 'done' 'DNS server 192.168.14.1 does not answer' 60
	check "link: somebody answered" sh -c "ip neigh show 10.9.0.1 dev $upper | grep -Eq 'REACHABLE|STALE|DELAY|PROBE'"
	at_router link set far0 arp off
	at_router addr flush dev far0
}
link_end() {
	local n
	for ((n = 0; n < 120 * CLUSTER_PATIENCE; n++)); do
		link_counters
		grep -q " network bounce $upper" "$work/link/var/lib/kiln/journal" && break
		sleep 1
	done
	check "link: nobody answers, and it is bounced" grep -q " network bounce $upper" "$work/link/var/lib/kiln/journal"
	check "link: told" sh -c "jq -r '.steps[]|select(.name==\"network\").reason' $work/link/run/kiln/status.json; grep -q 'network wait $upper is up, but neither gateway nor another node answers' $work/link/var/lib/kiln/journal"
	check "link: it was down" cluster_wait 10 grep -q 'state DOWN' "$work/link.events"
	check "link: it is up" cluster_wait 10 sh -c "ip link show link0 | grep -q LOWER_UP"
	check "link: NetworkManager was asked to connect it" cluster_wait 10 grep -q "device connect $upper" "$work/nmcli.log"
	check "link: nothing reboots for a silent router" sh -c "! grep -q reboot '$UNIT_LOG'"
	stop_agent "$link_pid"
}
