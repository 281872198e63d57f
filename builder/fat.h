/*
 * fat - read a FAT file system inside an image: files, contents, ranges in use
 *
 * Our own reader (Microsoft's FAT specification, 2000): bake verifies with it what
 * mtools wrote, inspect, run and lint-boot read with it, the block map comes from it.
 * Nothing is mounted. FAT12, FAT16 and FAT32, told apart by the number of clusters as
 * the specification says; long names.
 *
 * Units: bytes, offsets counted from the start of the image. Paths are relative,
 * with '/', as written on disk; look-ups ignore the case of ASCII letters.
 * Ownership: a fat owns its table and entries and borrows the descriptor.
 * Errors: -EINVAL: no FAT, or one whose numbers contradict each other (loops, chains
 * that leave the disk); -ENOENT: no such file; -EISDIR, -EFBIG.
 */
#pragma once

#include "err.h"

#include <stdbool.h>
#include <stdint.h>

struct fat_entry {
	char *path; /* owned; "overlays/bcm2712d0.dtbo" */
	bool is_dir, has_long_name;
	uint64_t size_bytes;	/* 0 for a folder */
	uint32_t first_cluster; /* 0: empty file */
	uint16_t date, time;	/* of the last change, as on disk */
};
struct fat_range {
	uint64_t offset_bytes, length_bytes;
};
struct fat {
	int fd;		      /* borrowed */
	uint64_t start_bytes; /* of the file system in the image */
	uint64_t size_bytes;  /* by its boot sector */
	unsigned int bits;    /* 12, 16 or 32 */
	uint32_t sector_bytes, cluster_bytes;
	uint32_t clusters;		  /* count; the first has number 2 */
	uint64_t table_bytes, root_bytes; /* of one table; of a FAT12/16 root folder */
	unsigned int tables;
	uint64_t table_offset, data_offset; /* in the image */
	uint32_t root_cluster;		    /* FAT32 */
	uint32_t volume_id;
	char label[12];
	uint32_t *next;		   /* owned; one per cluster number, decoded */
	struct fat_entry *entries; /* owned, in the order of the disk, folders before contents */
	size_t len;
};

int fat_open(int fd, uint64_t start_bytes, struct fat *ret, struct err *err) MUST_CHECK;
void fat_done(struct fat *f);
#define cleanup_fat CLEANUP(fat_done)
const struct fat_entry *fat_find(const struct fat *f, const char *path); /* NULL: none */
/* Contents, NUL-terminated, owned by the caller. */
int fat_read(const struct fat *f, const char *path, size_t max, char **ret, size_t *ret_len,
	     struct err *err) MUST_CHECK;
/* Copy a file out to a descriptor. */
int fat_extract(const struct fat *f, const struct fat_entry *e, int out_fd,
		struct err *err) MUST_CHECK;
/* Where the contents of one file lie, in order; owned by the caller. */
int fat_file_ranges(const struct fat *f, const struct fat_entry *e, struct fat_range **ret,
		    size_t *ret_len, struct err *err) MUST_CHECK;
/* All that must be written to have this file system: boot sectors, tables, clusters in use;
 * sorted, neighbours merged; owned by the caller. */
int fat_used_ranges(const struct fat *f, struct fat_range **ret, size_t *ret_len,
		    struct err *err) MUST_CHECK;
