/*
 * disks - the disks of this machine, and the one that a selector means
 *
 * Everything is read from sysfs and /proc below a root folder ("" for "/", a copy in
 * tests). Loop, RAM, device-mapper, md and optical devices are no disks. A disk that is
 * in use (mounted, swap, held by another device, part of a mounted Btrfs), the system's,
 * removable or read-only is listed with the reason and never picked.
 * Ownership: a list owns its items. Nothing is opened for writing here.
 */
#pragma once

#include "disk-facts.h"

#include <sys/stat.h>

struct disk_item {
	struct disk_facts facts;
	char dev[16];	/* "8:0" */
	char why[160];	/* why it may not be taken; "" it may */
	bool is_system; /* root or boot partition are on it */
};
struct disk_list {
	struct disk_item *items; /* owned; in the order of their names */
	size_t len;
};

/* What kiln-init found: /run/kiln/init. Texts are kernel names, "" when not told. */
struct init_facts {
	char disk[64], boot[64], root[64];
};
/* -ENOENT: this root was not started by kiln-init. */
int init_facts_read(const char *root, struct init_facts *ret, struct err *err) MUST_CHECK;

/* @system_disk: kernel name of the disk that root is on. */
int disks_list(const char *root, const char *system_disk, struct disk_list *ret,
	       struct err *err) MUST_CHECK;
void disk_list_done(struct disk_list *l);
#define cleanup_disk_list CLEANUP(disk_list_done)

/*
 * The one disk that the selector means; the system's own counts only when no other does.
 * -ENODEV: none; -EBUSY: it is in use; -ENOTUNIQ: several. The text lists all disks.
 * *ret_index is set with -EBUSY too.
 */
int disks_pick(const struct disk_list *l, const struct disk_match *m, size_t *ret_index,
	       struct err *err) MUST_CHECK;
/* A number in an attribute of a block device: <root>/sys/class/block/<name>/<attr>; 0: none. */
uint64_t disks_number(const char *root, const char *name, const char *attr);
/*
 * Is what was opened, by its name, still the disk that was judged? A USB disk may go and
 * another one come and take its name between the two; while a descriptor is open its name is
 * not given away. @opened: of the descriptor. -ESTALE: it is another one now.
 */
int disks_still(const char *root, const struct disk_item *d, const struct stat *opened,
		struct err *err) MUST_CHECK;
