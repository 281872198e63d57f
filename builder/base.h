/*
 * base - the root of a board: Debian 13 with everything that all its nodes share
 *
 * base_root_get() gives the root of one board as a tar file of the cache: packages,
 * kernel and modules (depmod done), locale, time zone, the login account, kiln-node's
 * package. Not in it: what differs by node (the seed), K3s (k3s-install.h), overlays/.
 * The tar is pax, sorted, with numeric owners, hard links and extended attributes; its
 * name is the digest of all that went in, so a warm call only looks it up. Nothing ever
 * changes a root in the cache: unpack it into a folder of your own and change that.
 *
 *	r = base_root_get(c, b, 0, &root, err);
 *	...
 *	in userns_run():        (userns.h; a plain fork when already root)
 *	r = base_root_unpack(&root, "/tmp/tree", NULL, 0, err);
 *	... add files below /tmp/tree, run mkfs.btrfs --rootdir /tmp/tree ...
 *	userns_remove_tree("/tmp/tree")
 *
 * How it is made (docs/base-roots.md): mmdebstrap builds the packages that have maintainer
 * scripts with effects natively, whatever the board's architecture; base-twin.c swaps
 * every file that a package owns for a foreign board; packages whose scripts do what
 * Kiln does itself (kernel, firmware, boot loaders) are only unpacked and recorded.
 *
 * Ownership: a base_root owns its strings; base_root_done() accepts a zeroed struct.
 * Errors: -ENOENT with the command that brings what is missing (`kiln update`,
 * `kiln fetch`), -EINVAL: a package set that the twin cannot carry, with package and
 * path; -EIO/-EPROTO: a tool failed, with the end of what it said.
 */
#pragma once

#include "board.h"
#include "cluster.h"

#define BASE_KEY_MAX 65 /* 64 hex digits and NUL */

enum base_flags {
	BASE_OFFLINE = 1 << 0, /* never touch the network: cache or error */
	BASE_EMULATE = 1 << 1, /* foreign board under qemu-user instead of the twin (slow) */
	BASE_REBUILD = 1 << 2, /* do not look for a cached root (measurements) */
};

struct base_package {
	char *name, *version, *arch; /* owned; arch: amd64, arm64 or all */
	char *sha256;		     /* owned; of the .deb, hex */
};
struct base_root {
	char key[BASE_KEY_MAX]; /* digest of all inputs: part of the base id */
	char *tar;		/* owned; absolute path in the cache */
	uint64_t tar_bytes;
	char *kernel;		       /* owned; release: "6.12.107+deb13-amd64" */
	struct base_package *packages; /* owned; sorted by name */
	size_t packages_len;
};
void base_root_done(struct base_root *r);
#define cleanup_base_root CLEANUP(base_root_done)

int base_root_get(const struct cluster *c, const struct board *b, unsigned int flags,
		  struct base_root *ret, struct err *err) MUST_CHECK;

/* Where it would be: key and, when it is cached, the rest; -ENOENT when it is not built yet. */
int base_root_find(const struct cluster *c, const struct board *b, struct base_root *ret,
		   struct err *err) MUST_CHECK;

enum base_unpack_flags {
	BASE_UNPACK_NO_OWNER = 1 << 0, /* every file becomes the caller's: for reading only */
};
/*
 * Unpack into @dir (made if missing, else empty). @only: NULL or a NULL-terminated list
 * of path prefixes ("usr/lib/modules", "usr/lib/firmware"). Owners need uid 0: root, or
 * a child of userns_run().
 */
int base_root_unpack(const struct base_root *r, const char *dir, const char *const *only,
		     unsigned int flags, struct err *err) MUST_CHECK;
