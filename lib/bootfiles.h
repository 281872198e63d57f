/*
 * bootfiles - the text files that firmware and boot loaders read, and where files lie
 *
 * One source for what the desk writes into an image and what a node writes when it gets
 * a new kernel. Both kinds of board keep, at the top of the boot partition,
 *
 *	vmlinuz-<release>        Pi: gzip of the arm64 Image; UEFI: the signed EFI image
 *	initrd-<release>
 *
 * Pi: config.txt, cmdline.txt, bcm2712-rpi-5-b.dtb (C0), bcm2712-d-rpi-5-b.dtb (D0),
 * overlays/bcm2712d0.dtbo. UEFI: EFI/BOOT/BOOTX64.EFI (shim), EFI/BOOT/grubx64.efi
 * (systemd-boot), loader/loader.conf, loader/entries/kiln-<release>.conf.
 *
 * The texts are appended to a buf. Limits are the firmware's (see the constants).
 * Errors: -EINVAL: a word with a blank or control character; -E2BIG: a limit.
 */
#pragma once

#include "buf.h"
#include "err.h"

/* Pi firmware: lines of config.txt longer than 98 characters are cut, cmdline.txt has one
 * line of at most 1024 (raspberrypi/firmware#1848, raspberrypi/linux#140). */
#define BOOTFILES_CONFIG_LINE_MAX 98
#define BOOTFILES_CONFIG_MAX 4096 /* about 16 KiB stop a Pi 5 (meta-raspberrypi#917) */
#define BOOTFILES_CMDLINE_MAX 1024

#define BOOTFILES_DTB_C0 "bcm2712-rpi-5-b.dtb"
#define BOOTFILES_DTB_D0 "bcm2712-d-rpi-5-b.dtb"
#define BOOTFILES_D0_OVERLAY "overlays/bcm2712d0.dtbo"
#define BOOTFILES_SHIM "EFI/BOOT/BOOTX64.EFI"
#define BOOTFILES_LOADER "EFI/BOOT/grubx64.efi"

struct bootfiles_cmdline {
	char *const *words; /* the board's: console=..., panic=... */
	size_t words_len;
	const char *root_uuid; /* of the Btrfs */
	const char *boot_uuid; /* volume id of the FAT as blkid writes it: "12AB-34CD" */
};
/* One line without a newline: the board's words, then root=, rootflags=, kiln.boot=. */
int bootfiles_add_cmdline(struct buf *b, const struct bootfiles_cmdline *c,
			  struct err *err) MUST_CHECK;
/* @device_tree: NULL lets the firmware take its default and its D0 overlay. */
int bootfiles_add_config(struct buf *b, const char *release, const char *device_tree,
			 struct err *err) MUST_CHECK;
int bootfiles_add_loader(struct buf *b) MUST_CHECK; /* loader.conf */
/* loader/entries/kiln-<release>.conf; @cmdline as above */
int bootfiles_add_entry(struct buf *b, const char *release, const char *cmdline) MUST_CHECK;
