# shellcheck shell=sh
# systemd reads the units of overlays and seeds together, in a root of their own.
# shellcheck disable=SC2154
unit_root() {
	rm -rf "$tmp/root"
	mkdir -p "$tmp/root/etc/systemd/system" "$tmp/root/lib/systemd" "$tmp/root/usr/lib" \
		"$tmp/root/usr/local/bin" "$tmp/root/usr/sbin"
	cp -r /lib/systemd/system "$tmp/root/lib/systemd/"
	ln -s ../../lib/systemd "$tmp/root/usr/lib/systemd"
	# what the units start; only its being there is looked at
	for f in usr/local/bin/k3s usr/sbin/kiln-node usr/sbin/modprobe; do
		cp /bin/true "$tmp/root/$f"
	done
	cp "$src"/overlays/common/etc/systemd/system/*.service "$tmp/root/etc/systemd/system/"
}
verify() {
	# shellcheck disable=SC2086
	(cd "$tmp/root/etc/systemd/system" && systemd-analyze verify --man=no --root="$tmp/root" $1)
}
for n in $nodes; do
	unit_root "$golden/$n"
	check "$n: systemd-analyze verify" verify "$(cd "$tmp/root/etc/systemd/system" && echo *)"
done
unit_root "$golden/home/cow"
sed -i 's/^Type=notify/Type=notifee/' "$tmp/root/etc/systemd/system/k3s.service"
refuse "systemd-analyze and a wrong type" verify k3s.service
unit_root "$golden/home/cow"
rm "$tmp/root/usr/local/bin/k3s"
refuse "systemd-analyze and a missing program" verify k3s.service
# what a unit starts must be there: no command that kiln-node does not have
for f in "$src"/overlays/*/etc/systemd/system/*.service "$src"/firstboot/*.service; do
	[ -e "$f" ] || continue
	for c in $(sed -n 's,^Exec[A-Za-z]*=-\{0\,1\}/usr/sbin/kiln-node \([a-z-]*\).*,\1,p' "$f"); do
		check "${f##*/}: kiln-node has '$c'" grep -q "{ \"$c\", cmd_" "$src/firstboot/commands.c"
	done
done
