/*
 * find - the boot partition that the firmware booted from, and the root on the same disk
 *
 * A candidate is a FAT with kiln/base.json (and the volume id that kiln.boot= names) on a
 * disk that has the Btrfs this file names. Disks may come late: find_system() looks until one
 * candidate is left and no further disk has appeared for kiln.settle= seconds.
 *
 * Which of several: first the firmware's word (firmware.h), then the disk selector of each one's
 * own seed, waiting on its FAT or imported. When that leaves none or more than one, it is an error:
 * never a guess.
 *
 * Errors: the text lists every disk and partition seen, a line each, and what was wrong with it.
 */
#pragma once

#include "base-json.h"
#include "block.h"
#include "cmdline.h"
#include "firmware.h"

struct found {
	struct block boot, root;
	struct disk_facts disk;
	struct base_json base;
};

int find_system(const struct options *o, struct found *ret, struct err *err) MUST_CHECK;
void found_done(struct found *f);
#define cleanup_found CLEANUP(found_done)
