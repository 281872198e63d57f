#!/bin/sh
# usage: run.sh KILN
set -u
kiln=$1
src=$PWD
export CLOUDFLARE_API_TOKEN=dummy
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
trap 'exit 1' HUP INT TERM
cd "$dir" || exit 1
passed=0 failed=0

ok() { # WHAT COMMAND...
	what=$1
	shift
	if "$@" >log 2>&1; then
		passed=$((passed + 1))
	else
		failed=$((failed + 1))
		echo "FAIL $what"
		tail -n 20 log
	fi
}
same() { # WHAT GOT WANT
	if [ "$2" = "$3" ]; then
		passed=$((passed + 1))
	else
		failed=$((failed + 1))
		printf 'FAIL %s\n  is:  %s\n  not: %s\n' "$1" "$2" "$3"
	fi
}

cp "$src/examples/home/cluster.yaml" .
# duck comes later
python3 - <<'END'
import re
text = open("cluster.yaml").read()
cut = re.sub(r"(?ms)^  duck:\n.*?(?=^components:)", "", text)
assert cut != text
open("two.yaml", "w").write(cut)
END
umask 000 # whatever a person's is: secrets are their owner's
ok "init" "$kiln" init two.yaml
[ "$failed" = 0 ] || { echo "0 passed, 1 failed"; exit 1; }
umask 022
s=.kiln/secrets
tls=$s/k3s/server/tls
same "modes" "$(find .kiln/secrets -type d ! -perm 0700 -o -type f ! -perm 0600)" ""
same ".kiln stays out of Git" "$(cat .kiln/.gitignore)" "*"

# chains, in the order leaf, intermediate, root, as K3s reads them
for ca in server-ca client-ca request-header-ca etcd/peer-ca etcd/server-ca; do
	same "$ca: certificates" "$(grep -c BEGIN "$tls/$ca.crt")" 3
	csplit -s -z -f part -b %d.pem "$tls/$ca.crt" '/BEGIN/' '{*}'
	ok "$ca: chain" openssl verify -x509_strict -CAfile part2.pem -untrusted part1.pem part0.pem
	ok "$ca: same root" cmp part2.pem "$s/root-ca.crt"
	ok "$ca: key is its own" sh -c "openssl x509 -in part0.pem -noout -pubkey >a; openssl pkey -in $tls/$ca.key -pubout >b; [ -s a ] && cmp a b"
	same "$ca: extensions" "$(openssl x509 -in part0.pem -noout -ext basicConstraints,keyUsage | tr -s ' \n' ' ')" \
		"X509v3 Basic Constraints: critical CA:TRUE X509v3 Key Usage: critical Digital Signature, Key Encipherment, Certificate Sign "
	same "$ca: curve" "$(openssl pkey -in "$tls/$ca.key" -noout -text | grep -c 'NIST CURVE: P-256')" 1
	same "$ca: form of the key" "$(head -n 1 "$tls/$ca.key")" "-----BEGIN EC PRIVATE KEY-----"
	same "$ca: back-dated" "$(openssl x509 -in part0.pem -noout -startdate)" "notBefore=Jan  1 00:00:00 2024 GMT"
	ok "$ca: ten years" openssl x509 -in part0.pem -noout -checkend $((3699 * 86400))
	name=${ca%-ca}
	name=$(printf '%s' "$name" | tr / -)
	ok "$ca: name" sh -c "openssl x509 -in part0.pem -noout -subject -nameopt RFC2253 | grep -qE '^subject=CN=k3s-$name-ca@[0-9]+$'"
done
for ca in root-ca intermediate-ca; do
	same "$ca: RSA 4096" "$(openssl pkey -in $s/$ca.key -noout -text | sed -n '1s/.*(\([0-9]* bit\).*/\1/p')" "4096 bit"
done
same "service.key is PKCS#1" "$(head -n 1 $tls/service.key)" "-----BEGIN RSA PRIVATE KEY-----"
ok "service.key" openssl rsa -in $tls/service.key -check -noout

# the K10 hash, computed by other tools: the root's DER
hash=$(openssl x509 -in $s/root-ca.crt -outform DER | sha256sum | cut -c1-64)
for t in server:server agent:node; do
	ok "token-${t%:*}" grep -qxE "K10$hash::${t#*:}:[0-9a-f]{64}" "$s/token-${t%:*}"
done
ok "tokens differ" sh -c "! cmp -s $s/token-server $s/token-agent"
ok "cluster-id" grep -qxE '[0-9a-f]{32}' $s/cluster-id
ok "machine-id is a UUID of version 4" grep -qxE '[0-9a-f]{12}4[0-9a-f]{3}[89ab][0-9a-f]{15}' $s/nodes/cow/machine-id
ok "node-password" grep -qxE '[0-9a-f]{32}' $s/nodes/cow/node-password
for t in ed25519 ecdsa rsa; do
	key=$s/nodes/cow/ssh_host_${t}_key
	ok "ssh $t: public half" sh -c "ssh-keygen -y -f $key | cut -d' ' -f1,2 >a; cut -d' ' -f1,2 $key.pub >b; [ -s a ] && cmp a b"
done
for name in cow cow.home.example.org 192.168.14.3 fd12:3456:789a:14:3161:c474:a553:4ea1; do
	same "known_hosts: $name" "$(ssh-keygen -f out/known_hosts -F "$name" | grep -vc '^#')" 3
done
same "nothing of it gets into Git" "$(git init -q . 2>/dev/null && git add -A && git ls-files | grep -E '^(out|\.kiln)/' | tr '\n' ' ')" ""
rm -rf .git
# Argo CD's hash belongs to its password
ok "bcrypt" perl -e 'my ($p, $h) = map { local (@ARGV, $/) = $_; <> } @ARGV; exit(crypt($p, $h) eq $h ? 0 : 1)' \
	$s/component/argocd-admin-password $s/component/argocd-admin-password-hash

# a second run changes nothing; a node that comes later gets what it lacks
find .kiln -type f -exec sha256sum {} + | sort >before
ok "init again" "$kiln" init two.yaml
same "says so" "$(grep -c 'nothing was missing' log)" 1
find .kiln -type f -exec sha256sum {} + | sort >after
ok "nothing changed" cmp before after
ok "init of three nodes" "$kiln" init cluster.yaml
find .kiln -type f -exec sha256sum {} + | sort >after
same "old files as they were" "$(comm -23 before after)" ""
same "new files are the new nodes'" "$(comm -13 before after | grep -vc ' .kiln/secrets/nodes/duck/')" 0
same "8 files a node" "$(comm -13 before after | wc -l)" 8

# cut short: whatever is missing of a node is made, a public half from its key
cp $s/nodes/cow/ssh_host_rsa_key.pub pub
rm $s/nodes/cow/ssh_host_rsa_key.pub $s/nodes/duck/machine-id
ok "init goes on" "$kiln" init cluster.yaml
ok "the public half is the same" cmp pub $s/nodes/cow/ssh_host_rsa_key.pub
ok "machine-id is there" test -s $s/nodes/duck/machine-id

# a part of the identity that is gone is an error, and is not made again
mv $tls/client-ca.key kept
same "lost key" "$("$kiln" init cluster.yaml 2>&1)" "kiln init: './.kiln/secrets/k3s/server/tls/client-ca.key' is gone, a part of this \
cluster's identity that cannot be made again; restore it from a backup"
ok "not made again" test ! -e $tls/client-ca.key
mv kept $tls/client-ca.key
mkdir safe
mv $s/root-ca.key $s/intermediate-ca.key safe/
ok "root keys may be kept elsewhere" "$kiln" init cluster.yaml
mv $s safe/all
same "all lost" "$("$kiln" init cluster.yaml 2>&1)" "kiln init: './.kiln/secrets' is gone, but './out/known_hosts' shows that this cluster had \
an identity: restore the folder from a backup, or give up the running nodes with --new-identity"
ok "nothing was made" test ! -e $s
mv safe/all $s

# kubeconfig: signed by the client CA, for an admin, private
ok "kubeconfig" "$kiln" kubeconfig --valid 30d
same "kubeconfig: mode" "$(stat -c %a out/kubeconfig)" 600
python3 - <<'END' >log 2>&1
import base64, subprocess, yaml
k = yaml.safe_load(open("out/kubeconfig"))
assert k["current-context"] == "farm" and k["contexts"][0]["context"] == {"cluster": "farm", "user": "farm-admin"}
c, u = k["clusters"][0]["cluster"], k["users"][0]["user"]
assert c["server"] == "https://k3s.home.example.org:6443", c["server"]
for name, text in ("ca", c["certificate-authority-data"]), ("crt", u["client-certificate-data"]), ("key", u["client-key-data"]):
    open("kc." + name, "wb").write(base64.b64decode(text, validate=True))
run = lambda *a: subprocess.run(a, check=True, capture_output=True, text=True).stdout
run("cmp", "kc.ca", ".kiln/secrets/k3s/server/tls/server-ca.crt")
assert run("openssl", "verify", "-partial_chain", "-purpose", "sslclient", "-CAfile", ".kiln/secrets/k3s/server/tls/client-ca.crt", "kc.crt") == "kc.crt: OK\n"
assert run("openssl", "x509", "-in", "kc.crt", "-noout", "-subject", "-nameopt", "RFC2253") == "subject=CN=kiln-admin,O=system:masters\n"
assert run("openssl", "x509", "-in", "kc.crt", "-noout", "-pubkey") == run("openssl", "pkey", "-in", "kc.key", "-pubout")
run("openssl", "x509", "-in", "kc.crt", "-noout", "-checkend", str(29 * 86400))
assert subprocess.run(["openssl", "x509", "-in", "kc.crt", "-noout", "-checkend", str(31 * 86400)], capture_output=True).returncode == 1
END
same "kubeconfig: contents" "$?" 0
[ -s log ] && cat log
same "kubeconfig: IPv6" "$("$kiln" kubeconfig -o - --server fd12::3 | grep server:)" "    server: https://[fd12::3]:6443"
same "kubeconfig: too long" "$("$kiln" kubeconfig --valid 36500d 2>&1 | sed 's/[0-9]* days/N days/')" \
	"kiln kubeconfig: the certificate would outlive the client CA, which ends in N days"
"$kiln" kubeconfig --valid 30 >log 2>&1
same "kubeconfig: usage is exit 2" "$?: $(cat log)" "2: kiln kubeconfig: --valid wants a duration such as 30d, not '30'; 'kiln kubeconfig --help' tells more"

echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
