/*
 * boot-update - a new kernel onto the boot partition, the old one kept
 *
 * Writes vmlinuz-<release> and initrd-<release> (lib/initrd.h, the modules of board.json), synced,
 *each under a temporary name first; only then the switch, by one rename: uefi
 *loader/entries/kiln-<release>+3.conf: systemd-boot tries it three times and then goes back by
 *itself, unless boot_update_good() has taken the counter away
 *	rpi	config.txt names the new files; the old text stays as config-<old release>.txt,
 *		which copied over config.txt goes back (the Pi has no counter)
 * Kept are the new, the running and the former kernel; others go.
 *
 * A cut at any instant leaves a boot partition that boots the old kernel or the new one.
 * Ownership: the struct borrows all. Errors: -ENOENT names the missing file, -ENOSPC the bytes.
 * What was done is added to report, a line each.
 */
#pragma once

#include "board-json.h"
#include "buf.h"

struct boot_update {
	int root_fd;	       /* the root, "/" on a node */
	int boot_fd;	       /* O_RDONLY on the boot partition's top, mounted for writing */
	const char *release;   /* of the new kernel */
	const char *running;   /* uname -r; may be the same */
	const char *init_path; /* kiln-init */
	const struct board_json *board;
	struct buf *report;
};

int boot_update_install(const struct boot_update *u, struct err *err) MUST_CHECK;
/* Removes a kernel's files; -EBUSY: it runs, or is the one that boots next. */
int boot_update_remove(const struct boot_update *u, struct err *err) MUST_CHECK;
/* This kernel came up: its entry no longer counts. Nothing to do is fine. */
int boot_update_good(const struct boot_update *u, struct err *err) MUST_CHECK;
