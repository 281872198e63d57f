/*
 * layout - the exact places of the partitions of an image
 *
 *	0             GPT, then nothing up to LAYOUT_ALIGN_BYTES
 *	8 MiB         entry 1, FAT: boot files and the seed
 *	8 MiB + p1    entry 2, Btrfs: root, just big enough; the node grows it
 *	end - 1 MiB   backup GPT
 *
 * Units: all offsets and sizes are bytes; sectors exist only in gpt.c. Starts and
 * sizes are multiples of LAYOUT_ALIGN_BYTES (the erase block of an SD card).
 * GUIDs are text, lower case. A layout owns nothing beyond itself.
 * Errors: -ERANGE names the partition that cannot have its size.
 */
#pragma once

#include "err.h"
#include "guid.h"

#include <stdint.h>

#define LAYOUT_ALIGN_BYTES (UINT64_C(8) << 20)
#define LAYOUT_TAIL_BYTES (UINT64_C(1) << 20) /* behind the last partition: the backup GPT */
#define LAYOUT_PARTS 2
#define LAYOUT_BOOT 0
#define LAYOUT_ROOT 1

struct board;

struct layout_part {
	char label[37]; /* ASCII */
	char type[GUID_TEXT_MAX];
	char uuid[GUID_TEXT_MAX]; /* "" until named */
	uint64_t start_bytes, size_bytes;
};
struct layout {
	uint64_t disk_bytes;	       /* of the whole image */
	char disk_uuid[GUID_TEXT_MAX]; /* "" until named */
	struct layout_part parts[LAYOUT_PARTS];
};

/* @root_bytes: what root needs at least. GUIDs of disk and partitions stay empty. */
int layout_plan(const struct board *board, uint64_t root_bytes, struct layout *ret,
		struct err *err) MUST_CHECK;
/* Give disk and partitions the GUIDs of a node; @cluster_id is 32 hex digits. */
int layout_name(struct layout *l, const char *cluster_id, const char *node,
		struct err *err) MUST_CHECK;
/* GUID of the root partition's type for an architecture; NULL: none known. */
const char *layout_root_type(const char *arch);
/* Round up to LAYOUT_ALIGN_BYTES. */
uint64_t layout_align(uint64_t bytes);
