/*
 * fstab - the lines of /etc/fstab, and their options as mount(2) wants them
 *
 * fields are unescaped (\040 and kin). Ownership: a fstab owns its entries;
 * fstab_done() accepts a zeroed struct. Errors: -EINVAL with the line's number.
 */
#pragma once

#include "buf.h"
#include "err.h"

#include <stdbool.h>

struct fstab_entry {
	char *spec, *dir, *type, *options; /* owned */
};
struct fstab {
	struct fstab_entry *items; /* owned; in the order of the file */
	size_t len;
};

int fstab_parse(const char *text, struct fstab *ret, struct err *err) MUST_CHECK;
void fstab_done(struct fstab *f);
#define cleanup_fstab CLEANUP(fstab_done)
/* True if the entry's first field is UUID=<uuid>, in any case. */
bool fstab_is_uuid(const struct fstab_entry *e, const char *uuid);

struct mount_options {
	unsigned long flags; /* MS_RDONLY ... */
	bool noauto;	     /* not to be mounted at boot, or by systemd on demand */
	struct buf data;     /* the rest, for the filesystem */
};
/* "defaults", "nofail", "x-..." and their like are for others and left out. */
int mount_options_parse(const char *text, struct mount_options *ret, struct err *err) MUST_CHECK;
void mount_options_done(struct mount_options *o);
#define cleanup_mount_options CLEANUP(mount_options_done)
