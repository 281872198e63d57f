/*
 * boot-read - what an image's boot partition tells a machine to start
 *
 * Reads config.txt and cmdline.txt as the Pi's firmware does (kernel=, initramfs, device_tree=;
 * the last line of a key wins, sections other than [all] and [pi5] do not apply), or the
 * default entry of systemd-boot.
 * Ownership: results are owned by the caller. Errors: -ENOENT names the missing file or key.
 */
#pragma once

#include "board.h"
#include "fat.h"

struct boot_read {
	char *kernel, *initrd; /* owned; paths on the boot partition */
	char *device_tree;     /* owned; Pi only; the firmware's default when not written */
	char *cmdline;	       /* owned; one line */
};
int boot_read_fat(const struct fat *f, enum boot_kind kind, struct boot_read *ret,
		  struct err *err) MUST_CHECK;
void boot_read_done(struct boot_read *b);
#define cleanup_boot_read CLEANUP(boot_read_done)
