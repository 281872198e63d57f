# shellcheck shell=sh
# Small files, each by what reads it: apt, the shell, the kernel.
# shellcheck disable=SC2154,SC2016
apt_reads() {
	cat >"$tmp/apt.conf" <<'APT'
Unattended-Upgrade::Origins-Pattern { "origin=Debian,codename=${distro_codename},label=Debian"; };
APT
	cat "$1" >>"$tmp/apt.conf"
	APT_CONFIG=$tmp/apt.conf apt-config dump >"$tmp/apt.dump"
}
security_only() {
	apt_reads "$1" && grep -q 'Origins-Pattern:: .*-security,label=Debian-Security"' "$tmp/apt.dump" &&
		[ "$(grep -c '^Unattended-Upgrade::Origins-Pattern:: ' "$tmp/apt.dump")" = 1 ] &&
		grep -qx 'APT::Periodic::Unattended-Upgrade "1";' "$tmp/apt.dump"
}
sysctls_known() {
	sed -n 's/^\([a-z0-9_.-]*\) = .*/\1/p' "$1" | tr . / >"$tmp/keys"
	[ -s "$tmp/keys" ] || return 1
	while read -r key; do
		[ -e "/proc/sys/$key" ] || {
			echo "no /proc/sys/$key" >&2
			return 1
		}
	done <"$tmp/keys"
}
for n in $nodes; do
	check "$n: apt" apt_reads "$golden/$n/etc/apt/apt.conf.d/95-kiln-updates"
	for f in "$golden/$n"/etc/profile.d/*.sh "$src"/overlays/*/etc/profile.d/*.sh; do
		check "$n: the shell reads ${f##*/}" sh -eu "$f"
	done
	if [ -d /proc/sys/net/ipv4 ]; then
		check "$n: the kernel knows every sysctl" sysctls_known "$golden/$n/etc/sysctl.d/98-kiln.conf"
	fi
done
check "cow: security updates only, of all origins" security_only "$golden/home/cow/etc/apt/apt.conf.d/95-kiln-updates"
refuse "updates: none asks for no upgrades" security_only "$golden/lan4/a/etc/apt/apt.conf.d/95-kiln-updates"
printf 'net.ipv4.ip_forwart = 1\n' >"$tmp/bad.conf"
refuse "a sysctl that does not exist" sysctls_known "$tmp/bad.conf"
# the names users know, as a login shell has them
for a in kpods kwpods klogout; do
	check "cow: $a" bash -O expand_aliases -c ". '$src/overlays/common/etc/profile.d/kiln.sh'; . '$src/overlays/control-plane/etc/profile.d/kiln-kubectl.sh'; type $a"
done
