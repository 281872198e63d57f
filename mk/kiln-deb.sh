#!/bin/sh
# Pack the host half from a staged install.
# usage: kiln-deb.sh ARCH VERSION STAGE OUT.deb
set -eu
arch=$1 version=$2 root=$3 out=$4
: "${SOURCE_DATE_EPOCH:=1735689600}"
export SOURCE_DATE_EPOCH
umask 022
strip "$root/usr/bin/kiln"
find "$root/usr/share/man" -type f -exec gzip -9n {} + 2>/dev/null || true

# shared libraries: what the loader resolves here, by the packages that own them
libs=$(ldd "$root/usr/bin/kiln" | sed -n 's/.* => \(\/[^ ]*\) .*/\1/p')
needed=$(readelf -d "$root/usr/bin/kiln" | sed -n 's/.*(NEEDED).*\[\(.*\)\]$/\1/p')
depends=
for soname in $needed; do
	path=$(printf '%s\n' "$libs" | grep "/$soname\$" | head -n 1)
	# /lib is a link to /usr/lib on merged systems, and dpkg knows one of the two
	pkg=$({ dpkg-query -S "$path" || dpkg-query -S "${path#/usr}" || dpkg-query -S "/usr$path"; } 2>/dev/null |
		head -n 1 | cut -d: -f1)
	[ -n "$pkg" ] || { echo "kiln-deb: no package owns $soname ($path)" >&2; exit 1; }
	case ", $depends, " in
	*", $pkg, "*) ;;
	*) depends="${depends:+$depends, }$pkg" ;;
	esac
done

mkdir "$root/DEBIAN"
cat >"$root/DEBIAN/control" <<END
Package: kiln
Version: $version
Architecture: $arch
Maintainer: Kiln <kiln@localhost>
Installed-Size: $(du -sk --apparent-size "$root/usr" | cut -f1)
Depends: $depends, openssh-client, apt, ca-certificates, mmdebstrap, btrfs-progs (>= 6.14), dosfstools, mtools, kmod, uidmap, xz-utils, zstd, device-tree-compiler
Recommends: skopeo, qemu-system-x86, qemu-system-arm
Section: admin
Priority: optional
Description: bakes disk images that boot into a K3s cluster
 Turns one YAML file that describes a home cluster into images that boot into
 that cluster, for Raspberry Pi 5 and UEFI machines, without root.
END
find "$root" -exec touch -hd "@$SOURCE_DATE_EPOCH" {} +
dpkg-deb --root-owner-group -Zxz --build "$root" "$out" >/dev/null
echo "$out"
