# shellcheck shell=sh
# A seed written by the builder and imported by kiln-init's code: each file arrives as planned.
# shellcheck disable=SC2154,SC2016
base=b000000000000000000000000000000000000000000000000000000000000001
# an identity by kiln init itself
mkdir "$tmp/seed" "$tmp/seed/cluster"
cp "$src/examples/home/cluster.yaml" "$tmp/seed/cluster/"
check "kiln init" sh -c 'cd "$1" && "$2" init >/dev/null 2>&1' - "$tmp/seed/cluster" "$build/kiln"
echo 0123456789abcdef0123456789abcdef >"$tmp/seed/cluster/.kiln/secrets/cluster-id"
as_root() {
	if [ "$(id -u)" = 0 ]; then "$@"; else unshare -Ur "$@"; fi
}
# import NODE BOARD MAC
import() {
	rm -rf "$tmp/seed/boot" "$tmp/seed/root"
	mkdir -p "$tmp/seed/boot/kiln" "$tmp/seed/root"
	"$build/tests/plan/seed-write" "$tmp/seed/cluster/cluster.yaml" "$1" $base 1795348800 "$tmp/seed/boot/kiln" \
		>"$tmp/seed/bytes" || return 1
	as_root "$build/tests/plan/seed-read" "$tmp/seed/boot" "$tmp/seed/root" $base "$2" "$3" >/dev/null
}
# arrived NODE: types, modes, owners and paths are the golden list, contents those of the plan
arrived() {
	(cd "$tmp/seed/root" && as_root find . \( ! -type d -printf '%y%04m %U:%G /%P -> %l\n' \) -o \
		-path './var/lib/rancher/k3s/server*' -printf '%y%04m %U:%G /%P -> %l\n') |
		sed 's/^f/-/; s/ -> $//; / \/var\/lib\/kiln\/seed\./d' | LC_ALL=C sort -k3 >"$tmp/seed/got"
	sed 's/ secret$//' "$golden/home/$1.FILES" | LC_ALL=C sort -k3 | diff - "$tmp/seed/got" >&2 || return 1
	[ -z "$(ls "$tmp/seed/boot/kiln")" ] || {
		echo "the seed is still on the boot partition" >&2
		return 1
	}
	(cd "$tmp/seed/cluster" && for f in etc/hosts etc/rancher/k3s/config.yaml etc/machine-id etc/udev/rules.d/90-kiln-ceph.rules; do
		"$build/kiln" plan "$1" --cat "/$f" | cmp - "$tmp/seed/root/$f" || exit 1
	done)
}
if ! as_root true 2>/dev/null; then
	skip "seeds: neither root nor a user namespace here"
else
	for n in "cow rpi5 d8:3a:dd:00:00:01" "sheep rpi5 d8:3a:dd:00:00:02" "duck m910q 6c:4b:90:00:00:03"; do
		# shellcheck disable=SC2086
		set -- $n
		check "$1: kiln-init imports the seed" import "$@"
		check "$1: what arrived" arrived "$1"
		planned=$(cd "$tmp/seed/cluster" && "$build/kiln" plan --json | python3 -c '
import json, sys
print(next(n["seed_bytes"] for n in json.load(sys.stdin)["nodes"] if n["name"] == sys.argv[1]))' "$1")
		if [ "$planned" = "$(cat "$tmp/seed/bytes")" ]; then ok; else fail "$1: planned $planned bytes, made $(cat "$tmp/seed/bytes")"; fi
	done
	refuse "another machine's seed" import cow rpi5 d8:3a:dd:00:00:99
	refuse "another board's seed" import cow m910q d8:3a:dd:00:00:01
	# the real identity of kiln init: sshd takes the host keys, the CA signed what it should
	import cow rpi5 d8:3a:dd:00:00:01
	for t in ed25519 ecdsa rsa; do
		check "cow: the $t host key's halves belong together" sh -c '
			[ "$(ssh-keygen -y -f "$1" | cut -d" " -f1,2)" = "$(cut -d" " -f1,2 "$1.pub")" ]' - "$tmp/seed/root/etc/ssh/ssh_host_${t}_key"
	done
	tls=$tmp/seed/root/var/lib/rancher/k3s/server/tls
	for ca in server-ca client-ca request-header-ca etcd/server-ca etcd/peer-ca; do
		check "cow: $ca's key and certificate belong together" sh -c '
			[ "$(openssl x509 -in "$1.crt" -noout -pubkey)" = "$(openssl pkey -in "$1.key" -pubout)" ]' - "$tls/$ca"
	done
fi
