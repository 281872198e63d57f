/*
 * rootfs - a root file system as a list of nodes whose contents lie in other files
 *
 * A tree is read from a tar without unpacking it, changed, and written as a tar again;
 * so owners, modes and extended attributes need no rights at the desk. Paths have no
 * leading slash ("usr/bin/sudo"); "" is the root. Contents are a range of an open file:
 * the tar itself, or the tree's spool (a file without a name, in the cache's folder).
 *
 * Units: bytes, seconds. Ownership: a tree owns its nodes and its spool; descriptors
 * given to rootfs_read_tar() are borrowed and must stay open for the tree's life. Node
 * pointers stay valid until rootfs_done().
 * Errors: negative errno, err names the path or the archive.
 */
#pragma once

#include "err.h"

#include <stdbool.h>
#include <sys/stat.h>
#include <sys/types.h>

#define ROOTFS_PATH_MAX 4096
#define ROOTFS_SMALL_MAX (16U << 20) /* contents that are read as a whole */

struct rootfs_xattr {
	char *name;  /* owned */
	void *value; /* owned */
	size_t len;
};
struct rootfs_node {
	char *path;  /* owned */
	mode_t mode; /* with type bits (S_IFMT) */
	uid_t uid;
	gid_t gid;
	int64_t mtime_s;
	char *link; /* owned; target of a symlink */
	uint32_t dev_major, dev_minor;
	int fd; /* borrowed; where the contents are */
	uint64_t offset_bytes, size_bytes;
	unsigned int hard;	     /* nodes of the same number (not 0) are one inode */
	struct rootfs_xattr *xattrs; /* owned */
	size_t xattrs_len;
	const char *package;	  /* borrowed; owner set by the twin, NULL: none */
	bool gone;		  /* removed: kept only for its pointer */
	struct rootfs_node *next; /* in its hash chain */
};
struct rootfs {
	struct rootfs_node **nodes; /* owned; in order of their first appearance */
	size_t len, size;
	struct rootfs_node **hash; /* owned */
	size_t hash_size;
	int spool_fd; /* owned */
	uint64_t spool_bytes;
	unsigned int hard_last;
};

int rootfs_init(struct rootfs *t, const char *spool_dir, struct err *err) MUST_CHECK;
void rootfs_done(struct rootfs *t);
#define cleanup_rootfs CLEANUP(rootfs_done)

struct rootfs_node *rootfs_find(const struct rootfs *t, const char *path); /* NULL: none */
/* The node of that path, made when it is new; one that was gone comes back empty. */
struct rootfs_node *rootfs_add(struct rootfs *t, const char *path); /* NULL: no memory */
void rootfs_remove(struct rootfs_node *n);
/* Removes a folder's node and all below; the number of nodes. */
size_t rootfs_remove_below(struct rootfs *t, const char *path, bool itself);
/*
 * The path as dpkg sees it: links of parent folders resolved ("lib/x" is "usr/lib/x"
 * after the usr merge); the last component is not. dst has ROOTFS_PATH_MAX. -ELOOP.
 */
int rootfs_resolve(const struct rootfs *t, const char *path, char *dst, struct err *err) MUST_CHECK;

/* New contents in the spool; the node becomes a regular file (mode bits kept). */
int rootfs_set_data(struct rootfs *t, struct rootfs_node *n, const void *data, size_t len,
		    struct err *err) MUST_CHECK;
/* One inode with @first, a regular file: the same contents; owner and mode too. */
void rootfs_set_hardlink(struct rootfs *t, struct rootfs_node *n, struct rootfs_node *first);
int rootfs_set_link(struct rootfs_node *n, const char *target, struct err *err) MUST_CHECK;
/* A regular file root:root with parents (0755) as needed. */
int rootfs_put_file(struct rootfs *t, const char *path, mode_t mode, const void *data, size_t len,
		    struct err *err) MUST_CHECK;
int rootfs_put_dir(struct rootfs *t, const char *path, mode_t mode, struct err *err) MUST_CHECK;
/* Contents as a whole, NUL-terminated, owned by the caller. */
int rootfs_read(const struct rootfs_node *n, char **ret, size_t *ret_len,
		struct err *err) MUST_CHECK;
/* Whether the contents hold @needle (streamed, any size); ELF: begins with its magic. */
int rootfs_contains(const struct rootfs_node *n, const char *needle, bool *ret,
		    struct err *err) MUST_CHECK;
int rootfs_is_elf(const struct rootfs_node *n, bool *ret, struct err *err) MUST_CHECK;
int rootfs_set_xattr(struct rootfs_node *n, const char *name, const void *value, size_t len);
int rootfs_copy_meta(struct rootfs_node *to,
		     const struct rootfs_node *from); /* mode, owner, xattrs */
void rootfs_clear_xattrs(struct rootfs_node *n);
/* Nodes that are there, sorted by path; the array is owned by the caller, the nodes not. */
int rootfs_sorted(const struct rootfs *t, struct rootfs_node ***ret, size_t *ret_len);

/* Adds all of an uncompressed tar; @fd must stay open. */
int rootfs_read_tar(struct rootfs *t, int fd, struct err *err) MUST_CHECK;
/* Pax, sorted, folders before what they hold; times later than max_mtime_s are cut to it. */
int rootfs_write_tar(const struct rootfs *t, int fd, int64_t max_mtime_s,
		     struct err *err) MUST_CHECK;
