/*
 * fat-name - a folder's entries on a FAT, and the names that they spell
 *
 * A long name is a run of entries before the one it belongs to, the last part first; it counts
 * when the checksum of the short name fits. Names come as UTF-8; what no name should hold
 * (control characters, '/') becomes '?'.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define FAT_NAME_MAX (255 * 3 + 1)

struct fat_dir_entry {
	char name[11];
	uint8_t attr, nt, tenths;
	uint16_t ctime, cdate, adate, cluster_hi, mtime, mdate, cluster_lo;
	uint32_t size;
} __attribute__((packed));
_Static_assert(sizeof(struct fat_dir_entry) == 32, "FAT directory entry");

struct fat_long_entry {
	uint8_t order;
	uint16_t name1[5];
	uint8_t attr, type, checksum;
	uint16_t name2[6], zero, name3[2];
} __attribute__((packed));
_Static_assert(sizeof(struct fat_long_entry) == 32, "FAT long name entry");

enum { FAT_ATTR_VOLUME = 0x08, FAT_ATTR_DIR = 0x10, FAT_ATTR_LONG = 0x0f };

struct fat_long_name {
	uint16_t units[260];
	uint8_t checksum;
	bool valid;
};

/* One more part of a long name; parts that do not fit together make it invalid. */
void fat_take_long(struct fat_long_name *l, const struct fat_long_entry *e);
/* The long name when its checksum fits, else the short one; true: long. */
bool fat_entry_name(const struct fat_long_name *l, const struct fat_dir_entry *e,
		    char dst[FAT_NAME_MAX]);
