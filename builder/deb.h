/*
 * deb - read a Debian package: its control members and its files
 *
 * An ar archive of debian-binary, control.tar* and data.tar*, read through libarchive.
 * deb_read_control() reads only the first part. deb_read() also copies the contents of
 * all regular files to a spool file and lists the members in their order, so that it
 * can run in a thread of its own (it touches nothing shared but the spool it is given).
 *
 * Ownership: a deb owns all it points to; deb_done() accepts a zeroed struct.
 * Errors: -EBADMSG: not a package, or damaged; err names the file.
 */
#pragma once

#include "err.h"

#include <stdbool.h>
#include <sys/stat.h>
#include <sys/types.h>

struct deb_member { /* of control.tar */
	char *name; /* owned; "control", "postinst", "md5sums" ... */
	char *data; /* owned; NUL-terminated */
	size_t len;
	mode_t mode;
};
struct deb_file {    /* of data.tar */
	char *path;  /* owned; "usr/bin/x", "" is the root */
	mode_t mode; /* with type bits */
	uid_t uid;
	gid_t gid;
	int64_t mtime_s;
	char *link;			   /* owned; target of a symlink */
	char *hardlink;			   /* owned; path of an earlier member */
	uint64_t offset_bytes, size_bytes; /* in the spool */
};
struct deb {
	char *path;				     /* owned */
	char *package, *version, *arch, *multi_arch; /* owned; multi_arch may be NULL */
	struct deb_member *members;
	size_t members_len;
	struct deb_file *files;
	size_t files_len;
};

int deb_read_control(const char *path, struct deb *ret, struct err *err) MUST_CHECK;
/* @spool_bytes: where to begin in the spool; moved to its new end. */
int deb_read(const char *path, int spool_fd, uint64_t *spool_bytes, struct deb *ret,
	     struct err *err) MUST_CHECK;
const struct deb_member *deb_member(const struct deb *d, const char *name); /* NULL: none */
void deb_done(struct deb *d);
#define cleanup_deb CLEANUP(deb_done)
