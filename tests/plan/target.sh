#!/bin/sh
# The golden trees judged by the very programs that the nodes have: those of a base root in the cache
# (Debian 13, amd64), in a chroot. Needs root, and a base root that a bake left there.
#
# usage: target.sh SRCDIR
set -u
src=$1
cache=${KILN_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/kiln}/base
tar=
# shellcheck disable=SC2045 # names are digests
for json in $(ls -t "$cache"/*.json 2>/dev/null); do
	if grep -q 'amd64"' "$json" && [ -s "${json%.json}.tar" ]; then
		tar=${json%.json}.tar
		break
	fi
done
if [ "$(id -u)" != 0 ] || [ -z "$tar" ]; then
	echo "SKIPPED the target's own programs: needs root and a base root of amd64 in $cache"
	echo "0 passed, 0 failed, 1 skipped"
	exit 0
fi
root=$(mktemp -d) || exit 1
trap 'rm -rf "$root"' EXIT
trap 'exit 1' INT TERM
tar -C "$root" -xpf "$tar" --exclude='*usr/lib/firmware/*' --exclude='*usr/lib/modules/*' || exit 1
mkdir "$root/g"
cp -r "$src/tests/golden/plan/." "$src/overlays" "$root/g/"
cat >"$root/judge.sh" <<'JUDGE'
passed=0 failed=0
mount -t proc proc /proc
mount -t tmpfs none /run
mkdir -p /run/sshd
check() {
	what=$1
	shift
	if "$@" >/tmp/out 2>&1; then
		passed=$((passed + 1))
	else
		failed=$((failed + 1))
		echo "FAILED $what"
		sed 's/^/  | /' /tmp/out
	fi
}
refuse() {
	what=$1
	shift
	if "$@" >/tmp/out 2>&1; then
		failed=$((failed + 1))
		echo "FAILED $what: a spoilt file was accepted"
	else
		passed=$((passed + 1))
	fi
}
nm_read() {
	nmcli --offline connection modify connection.autoconnect yes <"$1"
}
sshd_test() {
	sed "s|^Include .*|Include $1|" /usr/share/openssh/sshd_config >/tmp/sshd_config
	echo 'HostKey /tmp/key' >>/tmp/sshd_config
	[ -z "$(/usr/sbin/sshd -t -f /tmp/sshd_config 2>&1)" ]
}
ssh-keygen -q -t ed25519 -N '' -f /tmp/key
for n in home/cow home/sheep home/duck lan4/a lan4/b lan4/c lan4/d; do
	for f in /g/$n/etc/NetworkManager/system-connections/*; do
		check "$n: NetworkManager reads ${f##*/}" nm_read "$f"
	done
	check "$n: sshd -t" sshd_test /g/$n/etc/ssh/sshd_config.d/10-kiln.conf
	rule=/g/$n/etc/udev/rules.d/90-kiln-ceph.rules
	[ ! -e $rule ] || check "$n: udevadm verify" udevadm verify $rule
done
sed 's/GOTO="kiln_ceph_end"/GOTO="nowhere"/' /g/home/cow/etc/udev/rules.d/90-kiln-ceph.rules >/tmp/bad.rules
refuse "udevadm verify and a label that is not there" udevadm verify /tmp/bad.rules
sed 's/^method=manual/method=manuel/' /g/home/cow/etc/NetworkManager/system-connections/kiln.nmconnection >/tmp/bad.nm
refuse "NetworkManager and a wrong method" nm_read /tmp/bad.nm
cp -r /g/overlays/common/. /
mkdir -p /usr/local/bin
[ -e /usr/local/bin/k3s ] || cp /bin/true /usr/local/bin/k3s
check "systemd-analyze verify" systemd-analyze verify --man=no /etc/systemd/system/k3s.service \
	/etc/systemd/system/k3s-agent.service
for p in /usr/sbin/NetworkManager /usr/sbin/sshd /usr/bin/systemd-repart /usr/lib/systemd/systemd-timesyncd \
	/usr/bin/sudo /usr/bin/test /usr/sbin/kiln-node; do
	check "the base has $p, which the files need" test -x $p
done
echo "$passed passed, $failed failed, 0 skipped"
[ $failed = 0 ]
JUDGE
# shellcheck disable=SC2016
unshare -m --propagation private sh -c '
	mkdir -p "$1/dev" && mount --bind /dev/ "$1/dev" && exec chroot "$1" /bin/sh /judge.sh' - "$root"
