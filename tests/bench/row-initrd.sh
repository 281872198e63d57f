#!/usr/bin/env bash
# Size of the initrds; the peer is trixie's initramfs-tools as it comes (MODULES=most), run in
# m910q's base root for the same kernel.
# shellcheck source=tests/bench/lib.sh
. "$(dirname "$0")/lib.sh"
bench_cluster || exit 1
largest=0
for node in duck cow; do
	bytes=$("$kiln" inspect --json "out/$node.img" | jq '[.boot_files[] | select(.path | startswith("initrd-")) | .size_bytes] | max')
	[ "$bytes" -gt "$largest" ] && largest=$bytes
done
peer=-
root=$bench_dir/root
by_initramfs_tools() {
	local debs deb release
	export KILN_DATADIR=$KILN_BUILD/share/kiln
	make -s -C "$srcdir" O="$KILN_BUILD" "$KILN_BUILD/tests/twin/base-tool" >&2 || return 1
	rm -rf "$root"
	"$KILN_BUILD/tests/twin/base-tool" "$work/cluster.yaml" m910q "unpack=$root" >&2 || return 1
	debs=$(sh "$srcdir/tests/init/kernels.sh" amd64 initramfs-tools-core initramfs-tools-bin initramfs-tools dracut-install \
		klibc-utils libklibc cpio logsave busybox) || return 1
	for deb in $debs; do dpkg-deb -x "$deb" "$root" 2>/dev/null || dpkg-deb --fsys-tarfile "$deb" | tar -x --keep-directory-symlink -C "$root"; done
	release=$(ls "$root/usr/lib/modules")
	mknod -m 666 "$root/dev/null" c 1 3
	chroot "$root" /usr/sbin/mkinitramfs -o /var/tmp/initrd "$release" >&2 || return 1
	stat -c %s "$root/var/tmp/initrd"
}
if [ "$(id -u)" = 0 ] && [ "$(dpkg --print-architecture)" = amd64 ]; then
	peer=$(by_initramfs_tools 2>"$bench_dir/last.log") || {
		tail -n 5 "$bench_dir/last.log" >&2
		exit 1
	}
	peer=$(awk -v b="$peer" 'BEGIN { printf "%.1f", b / 1048576 }')
fi
rm -rf "$root"
row initrd "$(awk -v b="$largest" 'BEGIN { printf "%.1f", b / 1048576 }')" "$peer" "12MiB" MiB
