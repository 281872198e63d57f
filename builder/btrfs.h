/*
 * btrfs - make the root's Btrfs from a folder, check it, tell which ranges it uses
 *
 * mkfs.btrfs --rootdir (6.14 or later) fills subvolumes without a mount. Owners in the
 * image are those of the files as the caller sees them: call btrfs_make() as uid 0, at
 * best inside userns_run(). Sectors are 4 KiB whatever the desk's pages: a Btrfs with 16
 * KiB sectors cannot be mounted by a kernel with 4 KiB pages.
 *
 * Units: bytes. Errors: -ENOSPC when the tree does not fit; the tool's text.
 */
#pragma once

#include "err.h"

#include <stdint.h>

struct btrfs_make {
	const char *tree;	       /* folder with a folder per subvolume: "@", "@home" ... */
	const char *const *subvolumes; /* NULL-terminated; names below tree */
	const char *image;	       /* a file; made, or overwritten */
	uint64_t size_bytes;	       /* multiple of 4096: file, superblock and partition */
	const char *uuid, *device_uuid;
	const char *label;
	const char *compress; /* "zstd:1"; NULL: none */
	const char *repro;    /* mkfs-repro.so; NULL: ids and times differ from run to run */
	uint64_t mtime_s;     /* with repro: the time; no file is younger */
};
/* What a tree will need, with room for the first boot; files are counted uncompressed. */
int btrfs_estimate(const char *tree, uint64_t *ret_bytes, struct err *err) MUST_CHECK;
int btrfs_make(const struct btrfs_make *m, struct err *err) MUST_CHECK;
/* btrfs check, read-only. The file system starts at 0 of the file. */
int btrfs_check(const char *image, struct err *err) MUST_CHECK;

struct btrfs_range {
	uint64_t offset_bytes, length_bytes;
};
/*
 * What must be written to have this file system: superblocks, tree blocks with their
 * copies, data. From its own chunk and extent trees (btrfs inspect-internal), not from
 * the holes of whatever file system the desk has. Sorted, merged over gaps of less than
 * 64 KiB; owned by the caller. The first MiB is always in: old signatures must go.
 */
int btrfs_used_ranges(const char *image, struct btrfs_range **ret, size_t *ret_len,
		      struct err *err) MUST_CHECK;
/* The superblock's total_bytes, at @start_bytes of an image; -EINVAL: no Btrfs. */
int btrfs_total_bytes(int fd, uint64_t start_bytes, uint64_t *ret, struct err *err) MUST_CHECK;
