#!/bin/bash
# Agents: join, identity, the Node; further servers are in test-servers.sh
set -u
here=$(cd "$(dirname "$0")" && pwd)
. "$here/lib.sh"
. "$here/tap.sh"

is() { [ "$1" = "$2" ] || { echo "'$1' is not '$2'"; return 1; }; }
node() { kubectl get node "$1" -o jsonpath="$2"; }
CLUSTER_AGENT=1 cluster_start --node-name cow --node-ip 127.0.0.1,::1 --cluster-init || exit 1
server=$KUBECONFIG

# images that the agent is to import, in three forms
tarball() { # FILE NAME - docker save's form
	local d
	d=$(mktemp -d)
	echo "[{\"Config\":\"c\",\"RepoTags\":[\"$2\"],\"Layers\":[\"l\"]}]" >"$d/manifest.json"
	head -c "${3:-1000}" /dev/zero >"$d/l"
	echo '{}' >"$d/c"
	tar -C "$d" -cf "$1" manifest.json c l
	rm -rf "$d"
}
images=$CLUSTER_DIR/duck/data/agent/images
mkdir -p "$images"
tarball "$images/a.tar" quay.io/cilium/cilium:v1.19.6 5000
tarball "$images/b.tar" busybox
gzip <"$images/b.tar" >"$images/b2.tar.gz"
tarball "$CLUSTER_DIR/z.tar" ghcr.io/one/two:3
zstd -q "$CLUSTER_DIR/z.tar" -o "$images/z.tar.zst" 2>/dev/null || mv "$CLUSTER_DIR/z.tar" "$images/z.tar"
echo broken >"$images/bad.tar"

cluster_agent duck --node-ip 127.0.0.2,fd00::2 --node-taint kiln.dev/bootstrap=true:NoSchedule --node-label rack=1
t 'an agent joins by the full token' cluster_wait 30 kubectl get node duck
agent=$CLUSTER_DIR/duck/data/agent
t 'the Node has both addresses' is "$(node duck '{.status.addresses[*].address}')" '127.0.0.2 fd00::2 duck'
t 'a label at registration' is "$(node duck '{.metadata.labels.rack}')" 1
t_has 'a taint, beside those of the controllers' kiln.dev/bootstrap node duck '{.spec.taints[*].key}'
t 'the controller manager gave it both pod ranges' cluster_wait 10 sh -c "'$CLUSTER_BIN/testk3s' kubectl get node duck -o jsonpath='{.spec.podCIDRs}' | grep -q fd22"
t 'tokens are hidden in node-args' is "$(node duck '{.metadata.annotations.k3s\.io/node-args}' | grep -c K10)" 0
t 'the server labels its own Node' cluster_wait 10 sh -c "'$CLUSTER_BIN/testk3s' kubectl get node cow -o jsonpath='{.metadata.labels}' | grep -q 'control-plane'"
names() { node duck '{.status.images[*].names}'; }
t_has 'images of agent/images are on the Node' quay.io/cilium/cilium:v1.19.6 names
t_has 'a short name is written out' docker.io/library/busybox:latest names
t_has 'a zstd archive is read' ghcr.io/one/two:3 names
t_has 'a bad archive is reported' 'importing bad.tar' cat "$CLUSTER_DIR/duck.log"

for f in client-kubelet.crt client-kubelet.key serving-kubelet.crt kubelet.kubeconfig server-ca.crt client-ca.crt; do
	t "agent/$f is there" test -s "$agent/$f"
done
t 'agent/client-kubelet.key is for root alone' is "$(stat -c %a "$agent/client-kubelet.key")" 600
hash=$(kubectl get secret -n kube-system duck.node-password.k3s -o jsonpath='{.data.hash}' | base64 -d)
t 'the node password is kept as scrypt' is "$(echo "$hash" | sed 's/^\$1:[0-9a-f]\{16\}:15:8:1:[A-Za-z0-9+/]\{86\}$/good/')" good
t "python's scrypt agrees" python3 - "$hash" "$CLUSTER_DIR/duck/node/password" <<'EOF'
import base64, hashlib, sys
_, salt, n, r, p, key = sys.argv[1].split(":")
pw = open(sys.argv[2]).read().strip().encode()
got = hashlib.scrypt(pw, salt=bytes.fromhex(salt), n=1 << int(n), r=int(r), p=int(p), dklen=64, maxmem=1 << 26)
assert base64.b64encode(got).decode().rstrip("=") == key
EOF

# the kubelet's identity, through the agent's own balancer
export KUBECONFIG=$agent/kubelet.kubeconfig
t_has 'kubelet.kubeconfig goes through the balancer' "https://127.0.0.1:$CLUSTER_LB" cat "$KUBECONFIG"
t_has 'its name is system:node:duck' system:node:duck kubectl auth whoami
t 'it may cordon itself' kubectl cordon duck
t_has 'it may not change its taints' 'not allowed to modify taints' kubectl taint node duck x=y:NoSchedule
t_has 'it may not take a role label' 'is not allowed to modify labels' kubectl label node duck node-role.kubernetes.io/worker=x
t_has 'it may not touch another Node' Forbidden kubectl label node cow a=b
t_has "it may not list others' pods" 'with spec.nodeName field selector' kubectl get pods -A
t 'it may list its own pods' kubectl get pods -A --field-selector spec.nodeName=duck
t_has 'it may not read Secrets' Forbidden kubectl get secrets -n kube-system
export KUBECONFIG=$server

# Ready follows the CNI
t 'NotReady while there is no CNI' is "$(node duck '{.status.conditions[?(@.type=="Ready")].reason}')" KubeletNotReady
kubectl apply -f - >/dev/null <<'EOF'
apiVersion: v1
kind: Pod
metadata: {name: cilium-x, namespace: kube-system, labels: {k8s-app: cilium}}
spec:
  nodeName: duck
  hostNetwork: true
  tolerations: [{operator: Exists}]
  containers: [{name: c, image: quay.io/cilium/cilium:v1.19.6}]
EOF
t "Ready once Cilium's pod runs there" cluster_wait 20 kubectl wait --for=condition=Ready node/duck --timeout=1s
t 'and only there' is "$(node cow '{.status.conditions[?(@.type=="Ready")].status}')" False

# the node password
kill_agents() { for x in $CLUSTER_AGENTS; do kill "$x"; wait "$x" 2>/dev/null; done; CLUSTER_AGENTS=; }
kill_agents
cluster_agent duck --node-ip 127.0.0.2,fd00::2
t 'an agent that comes back is let in' cluster_wait 20 grep -q 'Node duck registered' "$CLUSTER_DIR/duck.log"
kill_agents
echo other >"$CLUSTER_DIR/duck/node/password"
cluster_agent duck --node-ip 127.0.0.2,fd00::2
t 'the same name with another password is refused' cluster_wait 20 grep -q 'Node password rejected' "$CLUSTER_DIR/duck.log"
kubectl delete secret -n kube-system duck.node-password.k3s >/dev/null
t 'until the Secret is deleted' cluster_wait 20 grep -q 'Node duck registered' "$CLUSTER_DIR/duck.log"
kill_agents
good=$(cat "$CLUSTER_DIR/data/server/node-token")
cluster_agent hen --token "K10$(printf '0%.0s' {1..64})::${good#*::}"
t 'a token with another digest is not used' cluster_wait 20 grep -q 'token CA hash does not match' "$CLUSTER_DIR/hen.log"
t_not 'and the node does not appear' kubectl get node hen
kill_agents
cluster_agent hen --token "${good#*::server:}"
t 'a bare password joins, with a warning' cluster_wait 20 grep -q 'Node hen registered' "$CLUSTER_DIR/hen.log"
t_has 'the warning' 'does not include a CA hash' cat "$CLUSTER_DIR/hen.log"
kill_agents
kubectl create -f - >/dev/null <<'EOF'
apiVersion: v1
kind: Secret
metadata: {name: bootstrap-token-abcdef, namespace: kube-system}
type: bootstrap.kubernetes.io/token
stringData: {token-id: abcdef, token-secret: 0123456789abcdef, usage-bootstrap-authentication: "true"}
EOF
cluster_agent goat --token "${good%%::*}::abcdef.0123456789abcdef"
t 'a bootstrap token joins' cluster_wait 20 grep -q 'Node goat registered' "$CLUSTER_DIR/goat.log"
kill_agents

t_done
