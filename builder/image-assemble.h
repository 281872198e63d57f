/*
 * image-assemble - put file systems into one image, without writing their data twice
 *
 * Each file system is made while it begins at byte 0 of the file, which is what its tools
 * and checkers want; then room is made in front of it. Where the desk's file system can
 * (ext4, XFS: FALLOC_FL_INSERT_RANGE) that moves no data; elsewhere the file is copied
 * into a new one, as a reflink where possible.
 *
 *	root Btrfs, FAT | GPT + FAT + root + backup GPT
 *
 * Units: bytes. Ownership: the temporary file is the caller's; it may be another one
 * after the call. Errors name the phase; the caller drops the temporary file.
 */
#pragma once

#include "image-json.h"
#include "layout.h"
#include "tempfile.h"

struct image_assembly {
	const struct layout *layout; /* with GUIDs */
	const char *boot_dir;	     /* files of the boot partition */
	const char *boot_image;	     /* its FAT, by image_boot_make() */
	uint32_t boot_id;	     /* FAT volume id */
	const char *root_uuid;
	int64_t mtime_s;
	const char *target; /* final name: further temporary files go beside it */
};
/*
 * The FAT of the boot partition in a file of its own, which goes when the image is made: it can
 * be made beside root. Of the layout only the boot partition counts.
 */
int image_boot_make(const struct image_assembly *a, struct err *err) MUST_CHECK;
/*
 * @file holds a Btrfs of exactly layout->parts[LAYOUT_ROOT].size_bytes at 0; afterwards
 * the whole image, read back by other code than what wrote it; tempfile_commit() syncs it. @ret
 * gets the partitions and the extents, with digests.
 */
int image_assemble(const struct image_assembly *a, struct tempfile **file, struct image_json *ret,
		   struct err *err) MUST_CHECK;
/* GPT, file systems, sizes: as the layout says? Reads only. */
int image_verify(int fd, const char *path, const struct layout *l, const char *root_uuid,
		 uint32_t boot_id, struct err *err) MUST_CHECK;
/* Put @len bytes of hole in front of a file; it may become another file. */
int image_insert(struct tempfile **file, const char *target, uint64_t len_bytes,
		 struct err *err) MUST_CHECK;
/* "12AB-34CD" as blkid writes a FAT's volume id; returns dst (10 bytes). */
const char *boot_uuid_format(uint32_t id, char dst[10]);
int boot_uuid_parse(const char *text, uint32_t *ret) MUST_CHECK;
