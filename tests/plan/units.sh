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
	if ls "$1"/etc/systemd/system/*.timer >/dev/null 2>&1; then
		cp "$1"/etc/systemd/system/*.timer "$tmp/root/etc/systemd/system/"
	fi
}
verify() {
	# shellcheck disable=SC2086
	(cd "$tmp/root/etc/systemd/system" && systemd-analyze verify --man=no --root="$tmp/root" $1)
}
for n in $nodes; do
	unit_root "$golden/$n"
	check "$n: systemd-analyze verify" verify "$(cd "$tmp/root/etc/systemd/system" && echo *)"
	timer=$golden/$n/etc/systemd/system/k3s-graceful-shutdown.timer
	if [ -e "$timer" ]; then
		check "$n: systemd-analyze calendar" systemd-analyze calendar "$(sed -n 's/^OnCalendar=//p' "$timer")"
	fi
done
unit_root "$golden/home/cow"
sed -i 's/^Type=notify/Type=notifee/' "$tmp/root/etc/systemd/system/k3s.service"
refuse "systemd-analyze and a wrong type" verify k3s.service
unit_root "$golden/home/cow"
rm "$tmp/root/usr/local/bin/k3s"
refuse "systemd-analyze and a missing program" verify k3s.service
for f in home/sheep home/duck lan4/d; do
	if [ -e "$golden/$f/etc/systemd/system/k3s-graceful-shutdown.timer" ]; then
		fail "$f: a worker has no timer of its own"
	else
		ok
	fi
done
