#!/bin/sh
# Install what Kiln needs to build, bake and test, on Debian 12 (with backports) or 13.
#
# usage: scripts/deps.sh [build|test]   (default: test, which includes build)
# Asks nothing. Run as root, or by a user who may sudo. The mirror is the one
# that this machine's apt already uses for its own suite.
set -eu

what=${1:-test}
as_root=
[ "$(id -u)" = 0 ] || as_root=sudo
export DEBIAN_FRONTEND=noninteractive

# shellcheck source=/dev/null
. /etc/os-release
case ${VERSION_CODENAME:-} in
bookworm | trixie) ;;
*)
	echo "deps: this is ${PRETTY_NAME:-an unknown system}; Debian 12 or 13 is needed" >&2
	exit 1
	;;
esac

add_backports() {
	suite=$VERSION_CODENAME-backports
	if apt-cache policy | grep -q "n=$suite"; then
		return
	fi
	mirror=$(apt-get indextargets --format '$(SITE) $(CODENAME) $(COMPONENT)' |
		awk -v s="$VERSION_CODENAME" '$2 == s && $3 == "main" { print $1; exit }')
	if [ -z "$mirror" ]; then
		echo "deps: apt knows no mirror of $VERSION_CODENAME; run 'apt-get update' and look at its errors" >&2
		exit 1
	fi
	printf 'Types: deb\nURIs: %s\nSuites: %s\nComponents: main\nSigned-By: %s\n' \
		"$mirror" "$suite" /usr/share/keyrings/debian-archive-keyring.gpg |
		$as_root tee /etc/apt/sources.list.d/kiln-backports.sources >/dev/null
	$as_root apt-get update -q
}

build="gcc make pkg-config libc6-dev libcrypt-dev
	libarchive-dev libblkid-dev libcurl4-openssl-dev libfdisk-dev libjansson-dev
	libssl-dev libyaml-dev libzstd-dev zlib1g-dev"
cross="gcc-aarch64-linux-gnu libc6-dev-arm64-cross libcrypt-dev:arm64
	libarchive-dev:arm64 libblkid-dev:arm64 libcurl4-openssl-dev:arm64 libfdisk-dev:arm64
	libjansson-dev:arm64 libssl-dev:arm64 libyaml-dev:arm64 libzstd-dev:arm64 zlib1g-dev:arm64"
bake="apt ca-certificates openssh-client debian-archive-keyring dosfstools mtools kmod mmdebstrap
	btrfs-progs uidmap xz-utils zstd device-tree-compiler dpkg-dev"
check="clang clang-format clang-tidy llvm libclang-rt-14-dev cppcheck shellcheck codespell pmccabe valgrind"
tests="acl ceph-osd arptables bmap-tools busybox containerd cpio cryptsetup-bin curl docker-registry
	dosfstools e2fsprogs exfatprogs f2fs-tools fdisk file gdisk genimage git initramfs-tools-core
	iproute2 iputils-ping jq libcap2-bin lvm2 man-db mdadm network-manager nftables ntfs-3g openssh-client openssh-server openssl
	parted procps psmisc python3 python3-jsonschema python3-yaml qemu-efi-aarch64 qemu-system-arm qemu-system-x86
	qemu-user-static qemu-utils ovmf redis-server rsync skopeo socat sshpass strace swtpm
	time udev xfsprogs zsh fish"

# A machine fresh from its installer may have no package lists yet.
if ! apt-get indextargets --format '$(FILENAME)' | grep -q . ||
	! apt-cache show mmdebstrap >/dev/null 2>&1; then
	$as_root apt-get update -q
fi
add_backports
if ! dpkg --print-foreign-architectures | grep -qx arm64 && [ "$(dpkg --print-architecture)" = amd64 ]; then
	$as_root dpkg --add-architecture arm64
	$as_root apt-get update -q
fi

want="$build $bake"
if [ "$what" = test ]; then
	want="$want $check $tests"
	[ "$(dpkg --print-architecture)" = amd64 ] && want="$want $cross"
fi
if [ "$VERSION_CODENAME" = trixie ]; then
	want=$(printf '%s' "$want" | sed 's/libclang-rt-14-dev/libclang-rt-dev/; s/$/ systemd-repart/
		s/libarchive-dev:arm64/libarchive13t64:arm64/; s/libcurl4-openssl-dev:arm64/libcurl4t64:arm64/')
fi
missing=
for p in $want; do
	dpkg-query -W -f '${db:Status-Status}\n' "$p" 2>/dev/null | grep -qx installed || missing="$missing $p"
done
if [ -n "$missing" ]; then
	$as_root apt-get update -q
	# shellcheck disable=SC2086
	$as_root apt-get install -y -q --no-install-recommends -o Dpkg::Use-Pty=0 $missing
fi

# mkfs.btrfs fills subvolumes from a folder since 6.12; bookworm's 6.2 cannot.
have=$(dpkg-query -W -f '${Version}' btrfs-progs)
if dpkg --compare-versions "$have" lt 6.14; then
	$as_root apt-get install -y -q --no-install-recommends -t "$VERSION_CODENAME-backports" btrfs-progs
fi

# Debian 13's libarchive-dev and libcurl's want libext2fs-dev and libpsl-dev, which cannot be there for two
# architectures: what the cross build needs of them is unpacked where a machine's own files belong.
local=/usr/local/lib/aarch64-linux-gnu
include=/usr/local/include/aarch64-linux-gnu
foreign_dev() { # NAME SONAME PACKAGE
	[ ! -e "$local/pkgconfig/$1.pc" ] || return 0
	d=$(mktemp -d)
	(
		cd "$d"
		apt-get download -q "$3:arm64"
		dpkg-deb -x "$3"_*_arm64.deb .
		mkdir -p usr/include/aarch64-linux-gnu
		version=$(sed -n 's/^Version: *//p' "usr/lib/aarch64-linux-gnu/pkgconfig/$1.pc")
		printf 'Name: %s\nDescription: of %s:arm64\nVersion: %s\nCflags: -I%s\nLibs: -L%s -l%s\n' \
			"$1" "$3" "$version" $include $local "${1#lib}" >new.pc
	)
	$as_root mkdir -p $local/pkgconfig $include
	$as_root cp -R "$d/usr/include/aarch64-linux-gnu/." $include/
	$as_root cp "$d/usr/lib/aarch64-linux-gnu/$1.a" $local/
	$as_root ln -sf "/usr/lib/aarch64-linux-gnu/$2" "$local/$1.so"
	$as_root cp "$d/new.pc" "$local/pkgconfig/$1.pc"
	rm -rf "$d"
}
case $VERSION_CODENAME/$want in
trixie/*libarchive13t64:arm64*)
	foreign_dev libarchive libarchive.so.13 libarchive-dev
	foreign_dev libcurl libcurl.so.4 libcurl4-openssl-dev
	;;
esac

# Go builds the tests' Kubernetes and helm; from 1.21 on it brings the version a module asks for.
if [ "$what" = test ]; then
	go=$(PATH=$PATH:/usr/local/go/bin go env GOVERSION 2>/dev/null | sed 's/^go//') || go=
	if [ -z "$go" ] || dpkg --compare-versions "$go" lt 1.21; then
		suite=$VERSION_CODENAME
		[ "$suite" != bookworm ] || suite=bookworm-backports
		$as_root apt-get install -y -q --no-install-recommends -o Dpkg::Use-Pty=0 -t "$suite" golang-go
	fi
fi
