# shellcheck shell=bash
# Debian's containerd and runc for a copy of an image: the packages and a static probe, as a
# tar that the machine gets as a further disk (raw), so that nothing big passes ssh under TCG.

# containers_disk ARCH: prints the file
containers_disk() {
	local arch=$1 deb dir=$work/containers-$1 disk=$work/containers-$1.tar debs
	debs=$(sh "$srcdir/tests/init/kernels.sh" "$arch" containerd runc busybox-static) || return 1
	rm -rf "$dir" && mkdir -p "$dir" || return 1
	for deb in $debs; do # unpacked here: xz is slow under emulation
		dpkg-deb -R "$deb" "$dir/tree" &&
			dpkg-deb --root-owner-group -Znone -b "$dir/tree" "$dir/$(basename "$deb")" >/dev/null &&
			rm -rf "$dir/tree" || return 1
	done
	cp "$build/tests/qemu/kernel-probe-$arch" "$dir/kernel-probe" &&
		tar -C "$dir" --owner=0 --group=0 -cf "$disk" . && truncate -s %1M "$disk" || return 1
	rm -rf "$dir"
	echo "$disk"
}
