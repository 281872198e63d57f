# shellcheck shell=sh
# sshd itself reads the drop-in the way Debian's sshd_config includes it.
# shellcheck disable=SC2154
mkdir -p /run/sshd 2>/dev/null || true
ssh-keygen -q -t ed25519 -N '' -f "$tmp/host_key"
sshd_config() {
	printf '%s\n' "Include $1" 'KbdInteractiveAuthentication no' 'UsePAM yes' 'X11Forwarding yes' \
		'Subsystem sftp /usr/lib/openssh/sftp-server' "HostKey $tmp/host_key" >"$tmp/sshd_config"
}
sshd_test() {
	sshd_config "$1"
	/usr/sbin/sshd -t -f "$tmp/sshd_config"
}
# sshd_says DROPIN USER LINE...: the settings in effect
sshd_says() {
	sshd_config "$1"
	/usr/sbin/sshd -T -f "$tmp/sshd_config" -C "user=$2,host=desk,addr=192.168.14.20" >"$tmp/sshd" || return 1
	shift 2
	for line; do
		grep -qxF -- "$line" "$tmp/sshd" || {
			echo "not in effect: $line" >&2
			return 1
		}
	done
}
drop=etc/ssh/sshd_config.d/10-kiln.conf
if [ ! -d /run/sshd ]; then
	skip "sshd: no /run/sshd and no right to make it"
else
	for n in $nodes; do
		check "$n: sshd -t" sshd_test "$golden/$n/$drop"
	done
	check "cow: sshd's settings in effect" sshd_says "$golden/home/cow/$drop" k3s \
		'port 22' 'permitrootlogin no' 'permitemptypasswords no' 'passwordauthentication no' \
		'kbdinteractiveauthentication no' 'logingracetime 60' 'clientaliveinterval 120' \
		'maxauthtries 3' 'x11forwarding no' 'allowusers k3s' \
		'authorizedkeysfile .ssh/authorized_keys /etc/ssh/authorized_keys/%u'
	check "a: another user" sshd_says "$golden/lan4/a/$drop" ops 'allowusers ops'
	sed 's/^MaxAuthTries.*/MaxAuthTries three/' "$golden/home/cow/$drop" >"$tmp/bad.conf"
	refuse "sshd -t and a wrong number" sshd_test "$tmp/bad.conf"
fi
for n in $nodes; do
	for f in "$golden/$n"/etc/ssh/authorized_keys/*; do
		check "$n: ssh-keygen reads the keys of ${f##*/}" ssh-keygen -l -f "$f"
	done
done
