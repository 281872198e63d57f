/*
 * dpkg-db - dpkg's database of a root: which packages there are, who owns which path
 *
 * Read from var/lib/dpkg of a rootfs. Paths are physical ("usr/lib/x", links of parent
 * folders resolved, diversions followed).
 *
 * Ownership: a db owns its texts and borrows the rootfs. Errors: -EBADMSG names the file.
 */
#pragma once

#include "base-arch.h"
#include "rootfs.h"

struct dpkg_package {
	char *name, *version, *arch; /* owned */
	bool same;		     /* Multi-Arch: same: its files are info/name:arch.* */
	const char *stanza;	     /* borrowed from the db's status */
	size_t stanza_len;
};
struct dpkg_diversion {
	char *from, *to, *package; /* owned; without leading slash; package ":" is local */
};
struct dpkg_db {
	const struct rootfs *root;
	char *status;		    /* owned */
	struct dpkg_package *items; /* owned, in the order of the file */
	size_t len;
	struct dpkg_diversion *diversions;
	size_t diversions_len;
};

int dpkg_db_load(struct dpkg_db *db, const struct rootfs *root, struct err *err) MUST_CHECK;
void dpkg_db_done(struct dpkg_db *db);
#define cleanup_dpkg_db CLEANUP(dpkg_db_done)

const struct dpkg_package *dpkg_find(const struct dpkg_db *db, const char *name); /* NULL: none */
/* "var/lib/dpkg/info/libc6:amd64.list" to dst (ROOTFS_PATH_MAX). */
void dpkg_info_path(const struct dpkg_package *p, const char *ext, char *dst);
/* Contents of an info file; NULL in *ret when there is none. Owned by the caller. */
int dpkg_info_read(const struct dpkg_db *db, const struct dpkg_package *p, const char *ext,
		   char **ret, struct err *err) MUST_CHECK;
/* Where a path of that package's .deb lies: diverted and with links resolved. */
int dpkg_physical(const struct dpkg_db *db, const struct rootfs *root, const char *package,
		  const char *path, char *dst, struct err *err) MUST_CHECK;
/* For each path of a package: @fn(arg, path as listed without its slash, err). */
typedef int dpkg_path_fn(void *arg, const struct dpkg_package *p, const char *path,
			 struct err *err);
int dpkg_each_path(const struct dpkg_db *db, const struct dpkg_package *p, dpkg_path_fn *fn,
		   void *arg, struct err *err) MUST_CHECK;
/*
 * The MD5 (hex, owned by the caller) that the package has for a path of its .deb, from
 * md5sums or Conffiles; NULL: none is recorded. @md5sums: contents of that info file.
 */
char *dpkg_recorded_md5(const struct dpkg_package *p, const char *md5sums, const char *path);
/* MD5 of a node's contents as dpkg has it; dst has 33 bytes. */
int dpkg_md5(const struct rootfs_node *n, char dst[33], struct err *err) MUST_CHECK;
