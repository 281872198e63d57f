#!/bin/bash
# A twin against the same root built under emulation, and as a system of its own.
#
# usage: run.sh small|full BUILD_DIR
# small: a short list of packages. full: the real list of board rpi5 of examples/home.
# The emulated root comes from the cache when nothing that went into it changed; the twin
# is always made anew.
set -u
umask 022 # the stand-in's modes are part of what goes into the roots
mode=$1 build=$(realpath "$2")
src=$(realpath "$(dirname "$0")/../..")
desk=$(dpkg --print-architecture)
cache=${KILN_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/kiln}
state=$cache/test-twin/$mode
tmp=$(mktemp -d /var/tmp/kiln-twin.XXXXXX)
trap 'umount "$tmp/root/proc" 2>/dev/null; rm -rf "$tmp"' EXIT
passed=0 failed=0
ok() { passed=$((passed + 1)) && echo "ok $1"; }
not_ok() { failed=$((failed + 1)) && echo "not ok $1" && [ $# -lt 2 ] || printf '%s\n' "${@:2}"; }
finish() {
	echo "$passed passed, $failed failed, ${1:-0} skipped"
	[ "$failed" = 0 ]
	exit
}

case $desk in
amd64) arch=arm64 qemu=aarch64 boot=rpi ;;
arm64) arch=amd64 qemu=x86_64 boot=uefi ;;
esac
if [ "$(id -u)" != 0 ]; then
	echo "SKIP: comparing needs root (chroot into the other architecture, binfmt_misc)"
	finish 1
fi
binfmt=/proc/sys/fs/binfmt_misc
[ -e $binfmt/register ] || mount -t binfmt_misc binfmt_misc $binfmt 2>/dev/null
if ! [ -e $binfmt/qemu-$qemu ] && ! cat /usr/lib/binfmt.d/qemu-$qemu.conf >$binfmt/register; then
	echo "SKIP: no emulation of $arch: binfmt_misc cannot be registered here"
	finish 1
fi

mkdir -p "$state"
if [ "$mode" = small ]; then
	board=small
	data=$tmp/data
	mkdir -p "$data/boards/small" "$data/overlays" "$data/agent/$arch" "$tmp/agent/DEBIAN"
	sed "s/@ARCH@/$arch/; s/@BOOT@/$boot/" "$src/tests/twin/small/board.yaml" >"$data/boards/small/board.yaml"
	cp "$src/tests/twin/small/packages" "$data/overlays/packages"
	ln -s "$src/bundle" "$data/bundle"
	# the agent changes with every commit; a fixed stand-in keeps the emulated root in the cache
	printf '%s\n' 'Package: kiln-node' 'Version: 0' "Architecture: $arch" 'Maintainer: T <t@localhost>' \
		'Provides: linux-initramfs-tool' 'Description: stand-in of tests/twin' >"$tmp/agent/DEBIAN/control"
	SOURCE_DATE_EPOCH=1700000000 dpkg-deb --root-owner-group -Znone -b "$tmp/agent" \
		"$data/agent/$arch/kiln-node.deb" >/dev/null
	cp "$src/tests/twin/small/cluster.yaml" "$state/cluster.yaml"
else
	board=rpi5
	data=$build/share/kiln
	cp "$src/examples/home/cluster.yaml" "$state/cluster.yaml"
fi
export KILN_DATADIR=$data
tool=$build/tests/twin/base-tool

# The lock is made anew every week, and when mirrors no longer have what it names: a new one may
# name newer packages, and then the emulated root is made anew too.
lock() { "$tool" "$state/cluster.yaml" $board lock; }
rebuild() { twin=$("$tool" "$state/cluster.yaml" $board rebuild); }
kept=
if [ -n "$(find "$state/kiln.lock" -mmin -10080 2>/dev/null)" ] && grep -q '"mirror"' "$state/kiln.lock" &&
	"$tool" "$state/cluster.yaml" $board key >/dev/null 2>&1; then
	kept=yes
else
	lock || { not_ok "lock"; finish; }
fi
rebuild || { [ "$kept" ] && echo "# with a new lock" && lock && rebuild; } || { not_ok "twin of $board"; finish; }
echo "# twin: $twin"
ok "twin of $board is built"
# minutes instead of seconds: say why
key=$("$tool" "$state/cluster.yaml" $board key emulate)
made=$state/made # the key and lock of the emulated root that was made last
if [ ! -e "$cache/base/$key.tar" ]; then
	echo "# the emulated root $key is not in the cache; changed since the last one:"
	if [ "$(cat "$made.key" 2>/dev/null)" = "$key" ]; then
		echo "#   nothing: it was taken out of the cache"
	elif [ ! -e "$made.lock" ]; then
		echo "#   it is the first"
	elif cmp -s "$made.lock" "$state/kiln.lock"; then
		echo "#   not the packages: cluster.yaml, kiln-node.deb or how Kiln makes a root"
	else
		diff "$made.lock" "$state/kiln.lock" | sed -nE 's/^([<>]).*"name": "([^"]*)", "version": "([^"]*)".*/#   \1 \2 \3/p'
	fi
fi
emulated=$("$tool" "$state/cluster.yaml" $board emulate) || { not_ok "emulated $board"; finish; }
echo "# emulated: $emulated"
ok "emulated root of $board is built"
echo "$key" >"$made.key" && cp "$state/kiln.lock" "$made.lock"
twin=$(cut -d' ' -f2 <<<"$twin") emulated=$(cut -d' ' -f2 <<<"$emulated")

if python3 "$src/tests/twin/compare.py" "$twin" "$emulated" >"$tmp/compare"; then
	ok "equal but for the explained list: $(tail -n 1 "$tmp/compare")"
else
	not_ok "equal but for the explained list" "$(head -n 200 "$tmp/compare")" "$(tail -n 1 "$tmp/compare")"
fi

# as a system: dpkg and apt of the twin itself, emulated
mkdir "$tmp/root" && tar -C "$tmp/root" --xattrs --xattrs-include='*' --numeric-owner -xpf "$twin"
mknod -m 666 "$tmp/root/dev/null" c 1 3
mknod -m 666 "$tmp/root/dev/urandom" c 1 9
run() { chroot "$tmp/root" /usr/bin/env -i PATH=/usr/sbin:/usr/bin LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive "$@" 2>&1; }
silent() {
	local name=$1 out
	shift
	if out=$(run "$@") && [ -z "$out" ]; then ok "$name"; else not_ok "$name" "$out"; fi
}
silent "dpkg --audit is empty" dpkg --audit
silent "dpkg -V is clean" dpkg -V
silent "apt-get check is clean" apt-get -qq check
[ "$(run dpkg --print-architecture)" = $arch ] && ok "dpkg says $arch" || not_ok "dpkg says $arch"
foreign=$(python3 - "$tmp/root" $arch <<'PY'
import os, sys
want = {"arm64": 183, "amd64": 62}[sys.argv[2]]
for d, _, files in os.walk(sys.argv[1]):
    for f in files:
        p = os.path.join(d, f)
        if os.path.islink(p) or not os.path.isfile(p):
            continue
        with open(p, "rb") as fd:
            h = fd.read(20)
        if h[:4] == b"\x7fELF" and int.from_bytes(h[18:20], "little") not in (want, 247):  # 247: BPF
            print(p)
PY
)
[ -z "$foreign" ] && ok "no program of another machine" || not_ok "no program of another machine" "$foreign"
if [ "$mode" = full ]; then
	cp /etc/resolv.conf "$tmp/root/etc/resolv.conf"
	out=$(run apt-get -qq -o APT::Sandbox::User=root update && run apt-get -qq -y -o APT::Sandbox::User=root install hello &&
		run hello) && grep -q 'Hello, world' <<<"$out" && ok "apt installs one more package" || not_ok "apt installs one more package" "$out"
else
	mkdir -p "$tmp/extra/DEBIAN" "$tmp/extra/usr/bin"
	printf '%s\n' 'Package: kiln-extra' 'Version: 1' "Architecture: $arch" 'Maintainer: T <t@localhost>' 'Depends: libc6, sudo' \
		'Description: one more' >"$tmp/extra/DEBIAN/control"
	printf '#!/bin/sh\nupdate-alternatives --install /usr/bin/extra extra /usr/bin/kiln-extra 1\n' >"$tmp/extra/DEBIAN/postinst"
	printf '#!/bin/sh\necho extra\n' >"$tmp/extra/usr/bin/kiln-extra"
	chmod 755 "$tmp/extra/DEBIAN/postinst" "$tmp/extra/usr/bin/kiln-extra"
	dpkg-deb --root-owner-group -b "$tmp/extra" "$tmp/root/var/tmp/extra.deb" >/dev/null
	out=$(run apt-get -qq -y -o APT::Sandbox::User=root install /var/tmp/extra.deb && run extra) && grep -qx extra <<<"$out" &&
		ok "apt installs one more package" || not_ok "apt installs one more package" "$out"
fi
silent "dpkg --audit is still empty" dpkg --audit
finish
