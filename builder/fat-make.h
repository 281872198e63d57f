/*
 * fat-make - make a FAT file system inside an image and change files on it
 *
 * Through mkfs.vfat and mtools, which need neither root nor a mount; fat.h reads back
 * what they wrote. The same input gives the same bytes: fixed volume id, files in the
 * order of their names, times from the files and from SOURCE_DATE_EPOCH, time zone UTC.
 *
 * Units: bytes; @start_bytes is where the file system begins in the image. Paths on the
 * FAT are relative with '/'. Errors: -ENOSPC when the files do not fit; the tool's text.
 */
#pragma once

#include "err.h"

#include <stdint.h>

struct fat_make {
	const char *image; /* path of the image */
	uint64_t start_bytes, size_bytes;
	uint64_t disk_start_bytes; /* where it will lie on the disk ("hidden sectors") */
	uint32_t volume_id;
	const char *label; /* at most 11 upper-case characters */
	int64_t mtime_s;   /* of folders */
};
/* A new FAT32 in the range; -ERANGE when it has too few clusters to be one. */
int fat_make(const struct fat_make *m, struct err *err) MUST_CHECK;
/* Copy all files and folders below @dir to the top. Files keep their mtime. */
int fat_add_tree(const struct fat_make *m, const char *dir, struct err *err) MUST_CHECK;
/* Copy one file, replacing what has the name; its folder is there. */
int fat_add_file(const struct fat_make *m, const char *from, const char *to,
		 struct err *err) MUST_CHECK;
int fat_remove_file(const struct fat_make *m, const char *path, struct err *err) MUST_CHECK;
/* fsck.vfat -n: only where start_bytes is 0. */
int fat_check(const struct fat_make *m, struct err *err) MUST_CHECK;
