/*
 * cmdline - kiln-init's part of the kernel command line
 *
 *	kiln.boot=1A2B-3C4D   volume id of the boot FAT; without it any FAT with kiln/base.json is
 *looked at kiln.wait=SECONDS     how long to wait for the disks (default 60, at most 3600)
 *	kiln.settle=SECONDS   how long no further disk may appear before one is chosen (default 2)
 *	kiln.reboot=SECONDS   how long a failure stays on the console before the reboot (default 30;
 *0: for ever) kiln.rescue           a failure gives a shell of the root, if it can be mounted,
 *instead of the reboot root=UUID=...         must be the root that kiln/base.json names, if given
 *	rootflags=...         options of the root (default subvol=@)
 *	init=/path            instead of /sbin/init
 *
 * Unknown kiln.* words and values that are no numbers are kept in `unknown`, to be told.
 */
#pragma once

#include "macros.h"

#include <stdbool.h>

struct options {
	char boot[16];
	char root_uuid[64];
	char rootflags[512];
	char init[256];
	char unknown[256];
	uint32_t wait_s, settle_s, reboot_s;
	bool rescue;
};

/* Words are split as the kernel does: blanks, "..." keeps them, "--" ends the kernel's part. */
void options_parse(const char *cmdline, struct options *ret);
