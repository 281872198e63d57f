/*
 * fileset - final files of a root: path, mode, owner, contents
 *
 * What `kiln plan --files` lists, what a seed's tar holds, what overlays/ bring.
 * Paths are absolute in the target's root, without "." or "..", unique, kept
 * sorted as bytes. Ownership: a fileset owns its entries; contents are copied.
 */
#pragma once

#include "err.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum fileset_type { FILESET_FILE, FILESET_DIR, FILESET_SYMLINK };
enum fileset_flags {
	FILESET_SECRET = 1 << 0, /* contents are hidden by plan, never logged */
};

struct fileset_entry {
	char *path; /* owned; "/etc/hostname" */
	enum fileset_type type;
	mode_t mode; /* permission bits */
	uid_t uid;
	gid_t gid;
	unsigned int flags; /* enum fileset_flags */
	char *data;	    /* owned; contents, or the target of a symlink */
	size_t len;
};
struct fileset {
	struct fileset_entry *items; /* owned, sorted by path */
	size_t len, size;
};

/* -EEXIST: the path is there already. Missing parents are not added. */
int fileset_add(struct fileset *fs, const struct fileset_entry *e, struct err *err) MUST_CHECK;
/* A regular file, root:root. */
int fileset_addf(struct fileset *fs, const char *path, mode_t mode, unsigned int flags,
		 struct err *err, const char *fmt, ...) PRINTF_LIKE(6, 7) MUST_CHECK;
/* All of a folder below @dir (an overlay): modes as on disk, owner root. */
int fileset_add_tree(struct fileset *fs, const char *dir, struct err *err) MUST_CHECK;
const struct fileset_entry *fileset_find(const struct fileset *fs, const char *path);
void fileset_done(struct fileset *fs);
#define cleanup_fileset CLEANUP(fileset_done)
