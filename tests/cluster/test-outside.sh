#!/bin/bash
# The outside of a K3s server: files, ports, signals, configuration
set -u
here=$(cd "$(dirname "$0")" && pwd)
. "$here/lib.sh"
. "$here/tap.sh"

cluster_bin || exit 1
testk3s=$CLUSTER_BIN/testk3s
code() { curl -s -o /dev/null -w '%{http_code}' --cacert "$CLUSTER_DIR/data/server/tls/server-ca.crt" "$@"; }
body() { curl -s --cacert "$CLUSTER_DIR/data/server/tls/server-ca.crt" "$@"; }
is() { [ "$1" = "$2" ] || { echo "'$1' is not '$2'"; return 1; }; }

# 1. a first start, with a custom CA directory as `kiln init` makes it
custom_ca() { # DIR - root, intermediate and leaf CAs in K3s' form
	local d=$1 n
	mkdir -p "$d/etcd"
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -subj /CN=root \
		-keyout "$d/root.key" -out "$d/root.crt" 2>/dev/null
	for n in server client request-header etcd/server etcd/peer; do
		openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/CN=k3s-${n/\//-}-ca@1" \
			-keyout "$d/$n-ca.key" -out "$d/ca.csr" 2>/dev/null
		openssl x509 -req -in "$d/ca.csr" -CA "$d/root.crt" -CAkey "$d/root.key" -days 29 -extfile <(
			echo basicConstraints=critical,CA:true
			echo keyUsage=critical,digitalSignature,keyEncipherment,keyCertSign
			echo subjectKeyIdentifier=hash
			echo authorityKeyIdentifier=keyid
		) -out "$d/one.crt" 2>/dev/null
		cat "$d/one.crt" "$d/root.crt" >"$d/$n-ca.crt"
	done
	openssl genrsa -traditional -out "$d/service.key" 2048 2>/dev/null
	root_hash=$(openssl x509 -in "$d/root.crt" -outform DER | sha256sum | cut -d' ' -f1)
	rm -f "$d/root.key" "$d/root.crt" "$d/ca.csr" "$d/one.crt"
}

cluster_prepare || exit 1
custom_ca "$CLUSTER_DIR/data/server/tls"
before=$(cat "$CLUSTER_DIR"/data/server/tls/*-ca.{crt,key} "$CLUSTER_DIR"/data/server/tls/etcd/*-ca.* | sha256sum)
mkdir -p "$CLUSTER_DIR/config.yaml.d"
cat >"$CLUSTER_DIR/config.yaml" <<EOF
token: K10$root_hash::server:secret
agent-token: K10$root_hash::node:halfsecret
tls-san: [api.home.example.org]
node-label: [one=1]
cluster-domain: first.example
no-such-key: 1
EOF
echo 'tls-san+: 192.168.14.9' >"$CLUSTER_DIR/config.yaml.d/10-san.yaml"
echo 'cluster-domain: second.example' >"$CLUSTER_DIR/config.yaml.d/20-domain.YML"
echo 'cluster-domain: never.example' >"$CLUSTER_DIR/config.yaml.d/30-ignored.txt"
# with each word of sd_notify what /readyz answers at that moment
cluster_notify "$CLUSTER_DIR/notify.sock" "$CLUSTER_DIR/notify.txt" "$testk3s" kubectl get --raw /readyz
t0=$(date +%s%N)
CLUSTER_NOTIFY=$CLUSTER_DIR/notify.sock cluster_run || exit 1
ready_ms=$((($(date +%s%N) - t0) / 1000000))
echo "# ready after $ready_ms ms, load $(cut -d' ' -f1 /proc/loadavg)"
# 5 s is the promise on an idle machine, and no test's: the machine may be slow and is seldom idle
t_has 'a first start with a custom CA directory' 'k3s is up and running' cat "$CLUSTER_LOG"
t 'custom CAs are left as they were' is "$before" \
	"$(cat "$CLUSTER_DIR"/data/server/tls/*-ca.{crt,key} "$CLUSTER_DIR"/data/server/tls/etcd/*-ca.* | sha256sum)"
cluster_wait 10 grep -q READY=1 "$CLUSTER_DIR/notify.txt"
t_has 'READY=1 by sd_notify, when the API server is' 'READY=1 ok' cat "$CLUSTER_DIR/notify.txt"
t 'and once' is "$(grep -c READY=1 "$CLUSTER_DIR/notify.txt")" 1
t_has 'an unknown key of the file is skipped with a warning' 'Unknown flag --no-such-key found in config.yaml, skipping' cat "$CLUSTER_LOG"

t '/ping answers pong without credentials' is "$(body "$CLUSTER_URL/ping")" pong
t '/cacerts is the file server-ca.crt' is "$(body "$CLUSTER_URL/cacerts" | sha256sum)" \
	"$(sha256sum <"$CLUSTER_DIR/data/server/tls/server-ca.crt")"
echo logo >"$CLUSTER_DIR/data/server/static/logo.txt"
t '/static serves server/static without credentials' is "$(body "$CLUSTER_URL/static/logo.txt")" logo
t '/readyz without credentials is 401' is "$(code "$CLUSTER_URL/readyz")" 401
t '/api without credentials is 401' is "$(code "$CLUSTER_URL/api/v1/nodes")" 401
t_has '/readyz with the client certificate' ok kubectl get --raw /readyz
t '127.0.0.1:<port+1> is the API server itself' is "$(code "https://127.0.0.1:$((CLUSTER_PORT + 1))/readyz")" 401
t '/v1-k3s without credentials is 401' is "$(code "$CLUSTER_URL/v1-k3s/config")" 401
t '/v1-k3s/config with the agent token' is "$(code -u node:halfsecret "$CLUSTER_URL/v1-k3s/config")" 200
t 'the agent token does not open server-bootstrap' is "$(code -u node:halfsecret "$CLUSTER_URL/v1-k3s/server-bootstrap")" 403
t 'a wrong password is 401' is "$(code -u node:wrong "$CLUSTER_URL/v1-k3s/config")" 401
t '/v1-k3s/readyz' is "$(body -u node:halfsecret "$CLUSTER_URL/v1-k3s/readyz")" ok

tls=$CLUSTER_DIR/data/server/tls
t 'server/token is the full token of the custom root' is "$(cat "$CLUSTER_DIR/data/server/token")" "K10$root_hash::server:secret"
t 'server/agent-token' is "$(cat "$CLUSTER_DIR/data/server/agent-token")" "K10$root_hash::node:halfsecret"
t 'server/node-token is a link to it' is "$(readlink "$CLUSTER_DIR/data/server/node-token")" token
t 'k3s.yaml has mode 0600' is "$(stat -c %a "$KUBECONFIG")" 600
t_has 'k3s.yaml names 127.0.0.1' "server: https://127.0.0.1:$CLUSTER_PORT" cat "$KUBECONFIG"
t_has 'k3s.yaml embeds its certificate' client-certificate-data: cat "$KUBECONFIG"
sans() { openssl s_client -connect "127.0.0.1:$CLUSTER_PORT" </dev/null 2>/dev/null | openssl x509 -noout -ext subjectAltName; }
t_has 'tls-san of the main file' DNS:api.home.example.org sans
t_has 'tls-san+ of a drop-in is appended' 'IP Address:192.168.14.9' sans
t_has 'the last drop-in wins' DNS:kubernetes.default.svc.second.example sans
for f in client-admin client-controller client-scheduler client-kube-apiserver serving-kube-apiserver; do
	t "server/tls/$f.crt is of the custom CA" openssl verify -CAfile "$tls/$(case $f in serving*) echo server ;; *) echo client ;; esac)-ca.crt" \
		-partial_chain "$tls/$f.crt"
done
t_has 'the API server calls itself what it is' +testk3s "$testk3s" kubectl version
t_has '--version says it is no K3s' 'test tool, not K3s' "$testk3s" --version
ln -s "$testk3s" "$CLUSTER_DIR/kubectl"
t_has 'a link named kubectl is kubectl' 'kube-system' "$CLUSTER_DIR/kubectl" get ns
service_port() { is "$CLUSTER_PORT" "$(kubectl get endpointslices kubernetes -o jsonpath='{.ports[0].port}')"; }
t 'Service kubernetes names port 6443 of this server' cluster_wait 10 service_port
t 'the node authorizer and NodeRestriction are on' grep -q 'NodeRestriction' "$CLUSTER_LOG"

# 2. again, with the data of the first time
kubectl create configmap kept --from-literal=a=b >/dev/null
cluster_halt
cluster_run || exit 1
t 'data survives a restart' is "$(kubectl get configmap kept -o jsonpath='{.data.a}')" b
t 'a client certificate is left valid by a restart' kubectl get ns
cluster_halt

# 3. starts that must fail
fails() { # TEXT OPTION...
	local text=$1
	shift
	timeout $((60 * CLUSTER_PATIENCE)) "$testk3s" "$@" >"$CLUSTER_DIR/fail.log" 2>&1 && { echo 'it started'; return 1; }
	grep -qF -- "$text" "$CLUSTER_DIR/fail.log" || { cat "$CLUSTER_DIR/fail.log"; return 1; }
}
sed -i 's/^token:.*/token: other/' "$CLUSTER_DIR/config.yaml"
own=(--config "$CLUSTER_DIR/config.yaml" --data-dir "$CLUSTER_DIR/data" --write-kubeconfig "$KUBECONFIG")
said=$(grep -c READY=1 "$CLUSTER_DIR/notify.txt")
NOTIFY_SOCKET=$CLUSTER_DIR/notify.sock "$testk3s" server --config "$CLUSTER_DIR/none" --data-dir "$CLUSTER_DIR/other" \
	--write-kubeconfig "$CLUSTER_DIR/other.yaml" --server https://127.0.0.1:1 --token x >"$CLUSTER_DIR/other.log" 2>&1 </dev/null &
CLUSTER_AGENTS=$!
t 'a server whose first does not answer waits' cluster_wait 20 grep -q 'Waiting to join' "$CLUSTER_DIR/other.log"
t 'and says no READY=1' is "$(grep -c READY=1 "$CLUSTER_DIR/notify.txt")" "$said"
cluster_agents_end
t 'another token than that of the data is refused' \
	fails 'bootstrap data already found and encrypted with different token' server "${own[@]}"
t 'a token with the digest of another CA is refused' \
	fails 'token CA hash does not match the Cluster CA certificate hash' server "${own[@]}" --token "K10$(printf '0%.0s' {1..64})::server:secret"
t 'families must agree' fails 'must share the same IP version' server "${own[@]}" --token secret \
	--cluster-cidr 10.42.0.0/16,fd00:42::/104 --service-cidr 10.43.0.0/16
t 'node-ip must have the families of cluster-cidr' fails 'must share the same IP version' server "${own[@]}" --token secret \
	--cluster-cidr 10.42.0.0/16,fd00:42::/104 --service-cidr 10.43.0.0/16,fd00:43::/112 --node-ip 192.168.14.4
t 'an unknown option of the command line' fails 'flag provided but not defined: -nonsense' server "${own[@]}" --nonsense 1
echo 'flannel-backend: none' >"$CLUSTER_DIR/agent.yaml"
t "a server's option in an agent's file" fails 'flag provided but not defined: -flannel-backend' \
	agent --config "$CLUSTER_DIR/agent.yaml" --server https://127.0.0.1:1 --token x
t 'an agent without a token' fails '--token is required' agent --config "$CLUSTER_DIR/none" --server https://127.0.0.1:1
t 'an agent without a server' fails '--server is required' agent --config "$CLUSTER_DIR/none" --token x
t 'an agent wants https' fails 'only https:// URLs are supported' agent --config "$CLUSTER_DIR/none" --token x --server http://127.0.0.1:1
t_done
