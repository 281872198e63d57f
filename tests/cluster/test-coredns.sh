#!/bin/bash
# The real CoreDNS on the cluster's DNS addresses, in a network namespace of its own
set -u
here=$(cd "$(dirname "$0")" && pwd)
. "$here/lib.sh"
. "$here/tap.sh"
if [ -z "${KILN_IN_NETNS:-}" ]; then
	cluster_bin || exit 1
	[ -x "$CLUSTER_BIN/coredns" ] || bash "$here/build.sh" coredns >/dev/null || exit 1
	if ! unshare -rn true 2>/dev/null; then
		t_skip 5 'no network namespace may be made here'
		t_done
		exit
	fi
	KILN_IN_NETNS=1 exec unshare -rn bash "$0"
fi
v4=10.43.0.10 v6=fd22:2025:6a6a:43::a
ip link set lo up && ip addr add $v4/32 dev lo && ip -6 addr add $v6/128 dev lo nodad || exit 1

cluster_start --node-ip 127.0.0.1,::1 || exit 1
kubectl create -f - >/dev/null <<'EOF'
apiVersion: v1
kind: Service
metadata: {name: web, namespace: default}
spec: {clusterIP: 10.43.0.77, clusterIPs: [10.43.0.77, "fd22:2025:6a6a:43::77"], ipFamilyPolicy: RequireDualStack, ports: [{port: 80}]}
EOF
cat >"$CLUSTER_DIR/Corefile" <<EOF
.:53 {
	bind $v4 $v6
	errors
	kubernetes cluster.local in-addr.arpa ip6.arpa {
		kubeconfig $CLUSTER_DIR/data/server/cred/supervisor.kubeconfig
	}
	cache 5
}
EOF
"$CLUSTER_BIN/coredns" -conf "$CLUSTER_DIR/Corefile" >"$CLUSTER_DIR/coredns.log" 2>&1 </dev/null &
CLUSTER_AGENTS=$!
ask() { # SERVER NAME TYPE - one question, the answer's address or code
	python3 - "$@" <<'EOF'
import socket, struct, sys
server, name, kind = sys.argv[1], sys.argv[2], {"A": 1, "AAAA": 28}[sys.argv[3]]
q = struct.pack(">HHHHHH", 7, 0x100, 1, 0, 0, 0)
q += b"".join(bytes([len(p)]) + p.encode() for p in name.split(".")) + b"\0" + struct.pack(">HH", kind, 1)
s = socket.socket(socket.AF_INET6 if ":" in server else socket.AF_INET, socket.SOCK_DGRAM)
s.settimeout(2)
s.sendto(q, (server, 53))
r = s.recv(4096)
code, n = r[3] & 15, struct.unpack(">H", r[6:8])[0]
if code or not n:
    sys.exit("rcode %d, %d answers" % (code, n))
raw = r[len(q):]
size = 16 if kind == 28 else 4
at = raw.index(struct.pack(">HH", kind, 1)) + 10 # behind type, class, TTL and length
print(socket.inet_ntop(socket.AF_INET6 if kind == 28 else socket.AF_INET, raw[at:at + size]))
EOF
}
name=web.default.svc.cluster.local
cluster_wait 20 ask $v4 $name A
t_has 'a Service by A over IPv4' 10.43.0.77 ask $v4 $name A
t_has 'by AAAA over IPv4' fd22:2025:6a6a:43::77 ask $v4 $name AAAA
t_has 'by A over IPv6' 10.43.0.77 ask $v6 $name A
t_has 'by AAAA over IPv6' fd22:2025:6a6a:43::77 ask $v6 $name AAAA
t_not 'a name that is not there' ask $v4 none.default.svc.cluster.local A
t_done
