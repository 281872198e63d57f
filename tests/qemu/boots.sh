# shellcheck shell=bash
# Boots: each asserts over serial and ssh; then power cuts.
# shellcheck source=tests/qemu/containers.sh
. "$srcdir/tests/qemu/containers.sh"
# shellcheck disable=SC2034 # for on_node
k3s_version='k3s version v1.35.2+k3s1 (stand-in)'

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
	local node=$1 bus=$2 label="$1 from $2" disk=$work/$1-$2.qcow2 packages=
	picked "boot-$node-$bus" && [ -f "out/$node.img" ] || return 0
	rm -f "$disk"
	if [ "$bus" = nvme ] && { [ "$node" = duck ] || [ "$what" = full ]; }; then
		packages=$(containers_disk "$(jq -r .arch <(mtype -i "out/$node.img@@8M" ::/kiln/base.json))") ||
			not_ok "$label: packages for a container" "$packages"
	fi
	if ! start_vm "$node" "$disk" --bus "$bus" ${packages:+--disk "$packages"}; then
		not_ok "$label: starts" "$(cat "$work/run.log")"
		return
	fi
	if wait_login "$node"; then
		ok "$label: login after $((SECONDS - started)) s"
		[ "$node" != duck ] || check "$label: Secure Boot is on" grep -aqE 'Secure boot enabled|secureboot: Secure boot' "$serial"
		assert_node "$node" "$label"
		[ "$bus" != nvme ] || on_node "$node" "$label" features.sh
		[ -z "$packages" ] || on_node "$node" "$label" container.sh
	else
		not_ok "$label: login within $boot_deadline s" "$(console)"
	fi
	stop_vm
	rm -f "$disk" $packages
}

# What the lint refuses boots in QEMU all the same: only the Pi's firmware and devices mind
boot_mutated() {
	local label="a Pi's image that the lint refuses" broken
	picked boot-mutated && [ -f out/cow.img ] || return 0
	mv out/cow.img "$work/cow.whole"
	copy=$work/out/cow.img
	cp --sparse=always --reflink=auto "$work/cow.whole" "$copy"
	starts_of cow
	without_module gpio-regulator
	remove overlays/bcm2712d0.dtbo
	edit config.txt "\$a # $(repeat x 120)"
	put '[all]\nboot_partition=3\n' autoboot.txt
	broken=$("$kiln" inspect --lint --json "$copy" 2>/dev/null | jq -r '.lint[].rule' | sort -u | tr '\n' ' ')
	if [ "$broken" = "rpi-config-lines rpi-d0-overlay rpi-no-redirect rpi-suppliers " ]; then ok "$label: $broken"; else not_ok "$label" "$broken"; fi
	if start_vm cow "$work/cow-mutated.qcow2" --bus nvme && wait_login cow; then
		ok "$label boots in QEMU"
	else
		not_ok "$label boots in QEMU" "$(console)"
	fi
	stop_vm
	rm -f "$work/cow-mutated.qcow2"
	mv "$work/cow.whole" out/cow.img
}

# cut_and_boot NODE BUS PATTERN DELAY: power cut DELAY seconds after PATTERN; the next boot completes
cut_and_boot() {
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
		[ "$what" = cuts ] || on_node "$node" "$label" features.sh
	else
		not_ok "$label: the next boot completes" "$(console)"
	fi
	stop_vm
	rm -f "$disk"
}

cut_point() { # node, index
	picked "cut-$1-$2" || return 0
	cut_and_boot "$1" nvme "${cut_points[$2]%|*}" "${cut_points[$2]#*|}"
}

[ "$what" = cuts ] || boot duck nvme
if [ "$what" = full ]; then
	boot cow nvme
	for bus in sata usb; do boot duck "$bus"; done
	for bus in sd usb; do boot cow "$bus"; done
	boot_mutated
elif [ "$what" = cuts ]; then
	for i in "${!cut_points[@]}"; do cut_point cow "$i"; done
	for i in 0 3 6 9; do cut_point duck "$i"; done
else
	# the Pi's image with one cut a run: the boot after it must be as any other. The seed is in
	# the log, KILN_QEMU_SEED repeats it
	seed=${KILN_QEMU_SEED:-$(date +%j)}
	echo "# KILN_QEMU_SEED=$seed"
	cut_point cow $((seed % ${#cut_points[@]}))
fi
