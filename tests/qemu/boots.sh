# shellcheck shell=bash
# Boots: each asserts over serial and ssh; then power cuts.

node_address() { sed -n "/^  $1:/,/^  [a-z]*:\$/s/.*addresses: \[\(.*\)\].*/\1/p" cluster.yaml | tr -d '",'; }

# A script on the node as root; its results are counted here
on_node() { # node, label, script
	local node=$1 label=$2 script=$3 out line
	# shellcheck disable=SC2046
	out=$(ssh_to "$node" sudo bash -s -- "$node" $(node_address "$node") <"$srcdir/tests/qemu/$script" 2>&1)
	if ! grep -q '^ok - ' <<<"$out"; then
		not_ok "$label: $script ran" "$out"
		return
	fi
	while IFS= read -r line; do
		case $line in
		'ok - '*) ok "$label: ${line#ok - }" ;;
		'not ok - '*) not_ok "$label: ${line#not ok - }" ;;
		*) echo "$line" ;;
		esac
	done <<<"$out"
}
# The assertions on the node, and those from outside
assert_node() { # node, label
	local node=$1 label=$2 out
	on_node "$node" "$label" guest.sh
	ok "$label: host key is the one in known_hosts"
	out=$(ssh -p "$ssh_port" -o BatchMode=no -o PreferredAuthentications=password,keyboard-interactive \
		-o PubkeyAuthentication=no -o NumberOfPasswordPrompts=1 -o StrictHostKeyChecking=yes \
		-o "UserKnownHostsFile=$work/out/known_hosts" -o "HostKeyAlias=$node" k3s@127.0.0.1 true 2>&1 </dev/null)
	if grep -q 'Permission denied (publickey)' <<<"$out"; then
		ok "$label: login by password refused"
	else
		not_ok "$label: login by password refused" "$out"
	fi
}

# boot NODE BUS: fresh disk, all assertions
boot() {
	local node=$1 bus=$2 label="$1 from $2" disk=$work/$1-$2.qcow2
	rm -f "$disk"
	if ! start_vm "$node" "$disk" --bus "$bus"; then
		not_ok "$label: starts" "$(cat "$work/run.log")"
		return
	fi
	if wait_login "$node"; then
		ok "$label: login after $((SECONDS - started)) s"
		[ "$node" != duck ] || check "$label: Secure Boot is on" grep -aqE 'Secure boot enabled|secureboot: Secure boot' "$serial"
		assert_node "$node" "$label"
		[ "$bus" != nvme ] || on_node "$node" "$label" features.sh
	else
		not_ok "$label: login within $boot_deadline s" "$(console)"
	fi
	stop_vm
	rm -f "$disk"
}

# cut NODE BUS PATTERN DELAY: power cut DELAY seconds after PATTERN; the next boot completes
cut() {
	local node=$1 bus=$2 pattern=$3 delay=$4 label="$1: power cut ${4} s after '$3'" disk=$work/$1-cut.qcow2
	rm -f "$disk"
	if ! start_vm "$node" "$disk" --bus "$bus" || ! wait_serial "$pattern" "$boot_deadline"; then
		not_ok "$label" "$(console)"
		stop_vm
		return
	fi
	sleep "$delay"
	cut_power
	if start_vm "$node" "$disk" --bus "$bus" && wait_login "$node"; then
		ok "$label: up again after $((SECONDS - started)) s"
		assert_node "$node" "$label"
	else
		not_ok "$label: the next boot completes" "$(console)"
	fi
	stop_vm
	rm -f "$disk"
}

# Ten points of the import and of the first boot
cut_points=(
	'kiln-init: boot partition|0'
	'first mount of filesystem|0.2'
	'first mount of filesystem|0.6'
	'use zstd compression|0.1'
	'use zstd compression|0.5'
	'use zstd compression|1.2'
	'imported seed|0'
	'imported seed|1'
	'systemd\[1\]: |3'
	'Repartition|1'
)
cut_point() { # index
	cut cow nvme "${cut_points[$1]%|*}" "${cut_points[$1]#*|}"
}

if [ -f out/duck.img ]; then boot duck nvme; fi
if [ -f out/cow.img ]; then boot cow nvme; fi
if [ "$what" = full ]; then
	for bus in sata usb; do boot duck "$bus"; done
	for bus in sd usb; do boot cow "$bus"; done
	for i in "${!cut_points[@]}"; do cut_point "$i"; done
else
	# one cut a run; the seed is in the log, KILN_QEMU_SEED repeats it
	seed=${KILN_QEMU_SEED:-$(date +%j)}
	echo "# KILN_QEMU_SEED=$seed"
	cut_point $((seed % ${#cut_points[@]}))
fi
