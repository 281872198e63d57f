#!/bin/sh
# Pack kiln-node's Debian package: the agent, kiln-init for initrds made on the node, the
# unit, the kernel hooks. No maintainer scripts: the unit is enabled by a link in the
# package, so that an unpacked package equals an installed one on any architecture.
#
# usage: node-deb.sh ARCH VERSION KILN_NODE KILN_INIT OUT.deb
# firstboot/*.service are its units; firstboot/debian/kernel-postinst, kernel-postrm its hooks.
set -eu

arch=$1 version=$2 node=$3 init=$4 out=$5
: "${STRIP:=strip}" "${SOURCE_DATE_EPOCH:=1735689600}"
export SOURCE_DATE_EPOCH
umask 022
root=$(mktemp -d)
chmod 0755 "$root" # it becomes the package's "./", and so the mode of /
trap 'rm -rf "$root"' EXIT
trap 'exit 1' HUP INT TERM

put() { # MODE FILE PATH
	mkdir -p "$root/$(dirname "$3")"
	install -m "$1" "$2" "$root/$3"
}

put 0755 "$node" usr/sbin/kiln-node
"$STRIP" "$root/usr/sbin/kiln-node"
put 0755 "$init" usr/lib/kiln/kiln-init
for unit in firstboot/*.service; do
	[ -e "$unit" ] || continue
	put 0644 "$unit" "usr/lib/systemd/system/${unit##*/}"
	target=$(sed -n 's/^WantedBy=//p' "$unit")
	for t in $target; do
		mkdir -p "$root/usr/lib/systemd/system/$t.wants"
		ln -s "../${unit##*/}" "$root/usr/lib/systemd/system/$t.wants/${unit##*/}"
	done
done
if [ -e firstboot/debian/kernel-postinst ]; then
	put 0755 firstboot/debian/kernel-postinst etc/kernel/postinst.d/zz-kiln-node
fi
if [ -e firstboot/debian/kernel-postrm ]; then
	put 0755 firstboot/debian/kernel-postrm etc/kernel/postrm.d/zz-kiln-node
fi
put 0644 LICENSE usr/share/doc/kiln-node/copyright

# trixie's package of each shared library that the agent asks for
depends="systemd"
for soname in $("${READELF:-readelf}" -d "$node" | sed -n 's/.*(NEEDED).*\[\(.*\)\]$/\1/p'); do
	case $soname in
	libarchive.so.13) p=libarchive13t64 ;;
	libblkid.so.1) p=libblkid1 ;;
	libc.so.6) p='libc6 (>= 2.36)' ;;
	ld-linux-*.so.*) continue ;;
	libcurl.so.4) p=libcurl4t64 ;;
	libfdisk.so.1) p=libfdisk1 ;;
	libjansson.so.4) p=libjansson4 ;;
	libcrypto.so.3) p=libssl3t64 ;;
	libzstd.so.1) p=libzstd1 ;;
	libz.so.1) p=zlib1g ;;
	*)
		echo "node-deb: no package of trixie is known for $soname, which kiln-node needs" >&2
		exit 1
		;;
	esac
	depends="$depends, $p"
done

mkdir "$root/DEBIAN"
size=$(du -sk --apparent-size "$root" | cut -f1)
cat >"$root/DEBIAN/control" <<END
Package: kiln-node
Version: $version
Architecture: $arch
Maintainer: Kiln <kiln@localhost>
Installed-Size: $size
Depends: $depends
Provides: linux-initramfs-tool
Section: admin
Priority: optional
Description: node agent of Kiln
 Brings a node of a K3s cluster up on first boot, applies the cluster's
 components in order, and powers the cluster down and up safely. Writes the
 initrd of an installed kernel.
END
(cd "$root" && find etc -type f 2>/dev/null | sed 's|^|/|') >"$root/DEBIAN/conffiles"
[ -s "$root/DEBIAN/conffiles" ] || rm "$root/DEBIAN/conffiles"
find "$root" -exec touch -hd "@$SOURCE_DATE_EPOCH" {} +
dpkg-deb --root-owner-group -Zxz --build "$root" "$out.new" >/dev/null
mv "$out.new" "$out"
