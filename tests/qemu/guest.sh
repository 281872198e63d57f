#!/bin/bash
# Runs on the node as root; prints "ok - NAME" or "not ok - NAME" and what was seen.
# usage: guest.sh HOSTNAME ADDRESS4 ADDRESS6 K3S-VERSION
name=$1 address4=$2 address6=$3 k3s_version=$4

is() { # name, seen, wanted
	if [ "$2" = "$3" ]; then echo "ok - $1"; else printf 'not ok - %s\n#   %s, not %s\n' "$1" "$2" "$3"; fi
}
yes() { # name, command...
	local what=$1 out
	shift
	if out=$("$@" 2>&1 </dev/null); then echo "ok - $what"; else printf 'not ok - %s\n%s\n' "$what" "$(printf '%s\n' "$out" | sed 's/^/#   /')"; fi
}

is "hostname" "$(hostname)" "$name"
yes "IPv4 address" sh -c "ip -o -4 addr show scope global | grep -qF ' $address4/'"
yes "IPv6 address" sh -c "ip -o -6 addr show scope global | grep -qF ' $address6/'"
yes "default route" sh -c "ip -4 route show default | grep -q ."
for m in /:@ /home:@home /var/log:@log /var/lib/rancher:@rancher /var/lib/kubelet:@kubelet /var/lib/rook:@rook /.snapshots:@snapshots; do
	is "subvolume of ${m%%:*}" "$(findmnt -no FSROOT "${m%%:*}")" "/${m#*:}"
	yes "options of ${m%%:*}" sh -c "findmnt -no OPTIONS '${m%%:*}' | grep -q noatime && findmnt -no OPTIONS '${m%%:*}' | grep -q compress=zstd:1"
done
if [ "$(uname -m)" = x86_64 ]; then # kiln run's word against TCG's slow timer; not in the image
	yes "no_timer_check from the machine" grep -qw no_timer_check /proc/cmdline
fi
yes "memory controller" grep -qw memory /sys/fs/cgroup/cgroup.controllers
yes "pids controller" grep -qw pids /sys/fs/cgroup/cgroup.controllers
# every sysctl that Kiln wrote is in effect
while IFS='=' read -r key value; do
	key=$(echo "$key" | tr -d ' -') value=$(echo "$value" | sed 's/^ *//; s/ *$//')
	case $key in '' | '#'* | *'*'*) continue ;; esac # globs are for links that come later
	is "sysctl $key" "$(sysctl -n "$key" 2>&1 | tr '\t' ' ')" "$value"
done < <(grep -hv '^[#;]' /etc/sysctl.d/*kiln*.conf)
mkdir -p /run/kiln-test
mount -o ro "$(blkid -L KILN)" /run/kiln-test 2>/dev/null || mount --bind /boot/firmware /run/kiln-test
is "no seed on the boot partition" "$(ls /run/kiln-test/kiln | grep -c '^seed')" 0
yes "base.json on the boot partition" test -s /run/kiln-test/kiln/base.json
umount /run/kiln-test
yes "seed recorded" test -s /var/lib/kiln/seed.json
is "K3s binary" "$(/usr/local/bin/k3s --version 2>&1 | head -n 1)" "$k3s_version"
yes "K3s' config" test -s /etc/rancher/k3s/config.yaml
is "failed units" "$(systemctl list-units --failed --plain --no-legend | awk '{print $1}' | tr '\n' ' ')" ""
yes "dpkg is content" sh -c '[ -z "$(dpkg --audit)" ]'
root_bytes=$(findmnt -bno SIZE /)
is "root has grown" "$([ "$root_bytes" -gt $((8 << 30)) ] && echo yes || echo "no: $root_bytes bytes")" yes
yes "Btrfs has no errors" sh -c 'btrfs device stats --check /'
echo "# end"
