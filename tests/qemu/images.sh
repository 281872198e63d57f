# shellcheck shell=bash
# What needs no boot: other tools judge the images; mutated boot partitions fail the lint.

fat_of() { echo "$1@@8M"; }
export MTOOLS_SKIP_CHECK=1 MTOOLSRC=/dev/null

judge() { # node
	local node=$1 image=$work/out/$1.img part=$work/part
	check "$node: sgdisk" sgdisk -v "$image"
	"$kiln" inspect --json "$image" >"$work/inspect.json" || not_ok "$node: inspect" "$(cat "$work/inspect.json")"
	check "$node: inspect finds node and seed" jq -e --arg n "$node" \
		'.seed.node == $n and .seed.digest_right and (.problems | length) == 0' "$work/inspect.json"
	check "$node: inspect --lint --verify" "$kiln" inspect --lint --verify "$image"
	check "$node: no word for QEMU on the image's command line" sh -c "! '$kiln' inspect --json '$image' | grep -q no_timer_check"
	local number start size
	while read -r number start size; do
		dd if="$image" of="$part" bs=1M skip=$((start >> 20)) count=$((size >> 20)) conv=sparse status=none
		case $number in
		1) check "$node: fsck.vfat" fsck.vfat -n "$part" ;;
		2) check "$node: btrfs check" btrfs check "$part" ;;
		esac
		rm -f "$part"
	done < <(jq -r '.partitions[] | "\(.number) \(.start_bytes) \(.size_bytes)"' "$work/inspect.json")
	mcopy -n -i "$(fat_of "$image")" "::/$(jq -r .starts.initrd "$work/inspect.json")" "$work/initrd"
	check "$node: initrd at most 12 MiB" test "$(stat -c %s "$work/initrd")" -le $((12 << 20))
	rm -f "$work/initrd"
}

# mutate NODE RULES COMMAND...: on a copy of the boot partition's files, these rules must break and
# no other (more than one where what breaks one cannot leave the others whole)
mutate() {
	local node=$1 rule=$2 broken
	shift 2
	cases="$cases$node $rule
"
	"$@"
	broken=$("$kiln" inspect --lint --json "$copy" 2>/dev/null | jq -r '.lint[].rule' | tr '\n' ' ')
	if [ "$broken" = "$rule " ]; then
		ok "$node: lint finds $rule and nothing else"
	else
		not_ok "$node: lint finds $rule and nothing else" "after '$*': ${broken:-none}"
	fi
	# back to what it was
	cp --sparse=always "$small" "$copy"
}
# Every rule of the tables, for every kind of board it is for, has a case
all_rules() { # node, its kind
	local rule missing=
	for rule in $(sed -n "s/^\t{ \"\([a-z0-9-]*\)\",.*$2.*/\1/p" "$srcdir"/builder/lint-boot*.c); do
		grep -qx "$1 $rule" <<<"$cases" || missing="$missing $rule"
	done
	if [ -z "$missing" ]; then ok "$1: a case for every rule"; else not_ok "$1: a case for every rule" "none for$missing"; fi
}
# make_small NODE: all that the lint reads: table, FAT, the superblock of root, backup table
make_small() {
	local image=$work/out/$1.img mib
	mib=$(($(stat -c %s "$image") >> 20))
	rm -f "$small"
	dd if="$image" of="$small" bs=1M count=1034 conv=sparse status=none
	truncate -s "$(stat -c %s "$image")" "$small"
	dd if="$image" of="$small" bs=1M skip=$((mib - 1)) seek=$((mib - 1)) conv=notrunc status=none
}
put() { # text, path on the FAT
	printf '%b' "$1" >"$work/put"
	mcopy -D o -i "$(fat_of "$copy")" "$work/put" "::/$2"
}
edit() { # path on the FAT, sed expression
	mcopy -n -D o -i "$(fat_of "$copy")" "::/$1" "$work/edit" && sed -i "$2" "$work/edit" &&
		mcopy -D o -i "$(fat_of "$copy")" "$work/edit" "::/$1"
}
remove() { mdel -i "$(fat_of "$copy")" "::/$1"; }
retype() { sgdisk -t "1:$1" "$copy" >/dev/null; }
repeat() { printf "%${2}s" '' | tr ' ' "$1"; }
raw_kernel() { # the kernel unpacked: more than old EEPROMs read
	mcopy -n -D o -i "$(fat_of "$copy")" "::/$kernel" "$work/k.gz" && zcat "$work/k.gz" >"$work/k" &&
		mcopy -D o -i "$(fat_of "$copy")" "$work/k" "::/$kernel"
}
other_tree() { # a device tree of another board under the Pi 5's name
	dtc -q -I dts -O dtb -o "$work/t" - <<<'/dts-v1/; / { compatible = "raspberrypi,4-model-b", "brcm,bcm2711"; };' &&
		mcopy -D o -i "$(fat_of "$copy")" "$work/t" "::/bcm2712-rpi-5-b.dtb"
}
vendor_overlay() { # one that wants a label which mainline lacks, as Raspberry Pi's own does
	dtc -q -@ -I dts -O dtb -o "$work/t" - <<<'/dts-v1/; /plugin/; &spi10 { status = "okay"; };' &&
		mcopy -D o -i "$(fat_of "$copy")" "$work/t" "::/overlays/bcm2712d0.dtbo"
}
without_module() { # the initrd lacks one, as if the board's list did
	local d=$work/initrd.d
	rm -rf "$d" && mkdir "$d" && mcopy -n -D o -i "$(fat_of "$copy")" "::/$initrd" "$work/i" &&
		(cd "$d" && zstd -qdc ../i | cpio -id --quiet && find . -name "$1.ko" -delete &&
			sed -i "/\/$1\.ko/d" lib/modules/*/kiln.order && find . | cpio -o -H newc --quiet | zstd -q >../i) &&
		mcopy -D o -i "$(fat_of "$copy")" "$work/i" "::/$initrd"
	rm -rf "$d" "$work/i"
}
unsigned() { # strip the certificates: entry 4 of the data directories
	mcopy -n -D o -i "$(fat_of "$copy")" "::/$1" "$work/pe" && python3 - "$work/pe" <<-'PY' &&
		import struct, sys
		d = bytearray(open(sys.argv[1], "rb").read())
		pe = struct.unpack_from("<I", d, 0x3c)[0]
		struct.pack_into("<II", d, pe + 24 + 144, 0, 0)
		open(sys.argv[1], "wb").write(d)
	PY
		mcopy -D o -i "$(fat_of "$copy")" "$work/pe" "::/$1"
}
small_fat() { # the same files on FAT16, on a large partition: a loader in QEMU reads it, firmware need not
	local d=$work/fat.d id
	id=$(minfo -i "$(fat_of "$copy")" :: | sed -n 's/^serial number: //p')
	rm -rf "$d" && mkdir "$d" && mcopy -s -n -i "$(fat_of "$copy")" ::/ "$d/" &&
		mkfs.vfat -F 16 -s 64 --offset 16384 -i "$id" -n KILN "$copy" 1048576 >/dev/null 2>&1 &&
		mcopy -s -i "$(fat_of "$copy")" "$d"/* ::/
	rm -rf "$d"
}
nameless() { # one more file, whose long name is lost
	put x a-name-too-long.text && patch_fat names
}
renamed_trees() { # both steppings' trees, alike, of no board that the firmware knows
	local t
	for t in bcm2712-rpi-5-b.dtb bcm2712-d-rpi-5-b.dtb; do
		mcopy -n -D o -i "$(fat_of "$copy")" "::/$t" "$work/t" && fdtput -t s "$work/t" / compatible test,no-board &&
			mcopy -D o -i "$(fat_of "$copy")" "$work/t" "::/$t"
	done
}

patch_fat() { python3 "$srcdir/tests/qemu/fat-patch.py" "$copy" "$1"; }

cases=
lint_rpi() {
	mutate cow fat-fits patch_fat fits
	mutate cow fat-slack patch_fat slack
	mutate cow long-names nameless
	mutate cow rpi-gpt-type retype ef00
	mutate cow fat-type small_fat
	mutate cow starts edit config.txt '/^initramfs /d'
	mutate cow rpi-config-size edit config.txt "\$a #$(for _ in $(seq 60); do printf '%s\\n#' "$(repeat x 90)"; done)"
	mutate cow rpi-config-lines edit config.txt "\$a # $(repeat x 120)"
	mutate cow rpi-config-form edit config.txt 's/enable_uart=1/enable_uart = 1/'
	mutate cow "starts rpi-config-form" edit config.txt 's/^initramfs \(.*\) followkernel/initramfs=\1/'
	mutate cow rpi-config-keys edit config.txt '$a dtparam=pciex1_gen=3'
	mutate cow rpi-config-keys edit config.txt '$a os_prefix=old/'
	mutate cow rpi-no-redirect put '[all]\nboot_partition=3\n' autoboot.txt
	mutate cow rpi-cmdline edit cmdline.txt "s/\$/ $(repeat x 1024)/"
	mutate cow rpi-cmdline edit cmdline.txt 's/$/\nquiet/'
	mutate cow rpi-cmdline edit cmdline.txt 's/console=ttyAMA10,115200/console=ttyAMA0/'
	mutate cow root-there edit cmdline.txt 's/root=UUID=[^ ]*/root=LABEL=kiln/'
	mutate cow boot-there edit cmdline.txt 's/kiln.boot=[^ ]*//'
	mutate cow rpi-kernel raw_kernel
	mutate cow files-there remove "$kernel"
	mutate cow "files-there rpi-suppliers" remove "$initrd"
	mutate cow rpi-device-tree renamed_trees
	mutate cow "rpi-device-tree rpi-suppliers rpi-d0-overlay" other_tree
	mutate cow "rpi-device-tree rpi-suppliers rpi-d0-overlay" remove bcm2712-rpi-5-b.dtb
	for m in gpio-regulator fixed gpio-brcmstb pinctrl-brcmstb-bcm2712 irq-bcm2712-mip rp1_pci; do
		mutate cow rpi-suppliers without_module $m
	done
	mutate cow rpi-suppliers remove kiln/drivers
	mutate cow rpi-d0-overlay vendor_overlay
	mutate cow rpi-d0-overlay remove overlays/bcm2712d0.dtbo
	all_rules cow LINT_RPI
}
lint_uefi() {
	mutate duck uefi-gpt-type retype 0700
	mutate duck uefi-shim unsigned EFI/BOOT/BOOTX64.EFI
	mutate duck uefi-shim remove EFI/BOOT/BOOTX64.EFI
	mutate duck uefi-loader unsigned EFI/BOOT/grubx64.efi
	mutate duck uefi-kernel unsigned "$kernel"
	mutate duck uefi-no-fallback put x EFI/BOOT/fbx64.efi
	mutate duck uefi-editor put 'timeout 2\n' loader/loader.conf
	mutate duck files-there remove "$initrd"
	mutate duck "files-there uefi-kernel" remove "$kernel"
	mutate duck fat-type small_fat
	mutate duck fat-fits patch_fat fits
	mutate duck starts remove "$entry"
	mutate duck root-there edit "$entry" 's/root=UUID=[^ ]*/root=LABEL=kiln/'
	mutate duck boot-there edit "$entry" 's/kiln.boot=[^ ]*//'
	all_rules duck LINT_UEFI
}

copy=$work/mutated.img small=$work/small.img
starts_of() { # node: kernel, initrd and (UEFI) loader entry on its boot partition
	kernel=$("$kiln" inspect --json "out/$1.img" | jq -r .starts.kernel)
	initrd=$("$kiln" inspect --json "out/$1.img" | jq -r .starts.initrd)
	entry=$("$kiln" inspect --json "out/$1.img" | jq -r '[.boot_files[].path | select(startswith("loader/entries/"))][0] // ""')
}
judge_all() {
	local node
	for node in duck cow; do
		[ -f "out/$node.img" ] || continue
		judge "$node"
		starts_of "$node"
		make_small "$node"
		cp --sparse=always "$small" "$copy"
		if [ "$node" = cow ]; then lint_rpi; else lint_uefi; fi
		rm -f "$copy" "$small"
	done
}
