/*
 * block - the partitions this machine has, as libblkid sees them
 *
 * Ownership: a list owns its items; block_list_done() accepts a zeroed struct.
 */
#pragma once

#include "disk-facts.h"

struct block {
	char name[64];	    /* of the partition: "nvme0n1p1" */
	char disk[64];	    /* "nvme0n1" */
	char type[32];	    /* vfat, btrfs ...; "" for none that libblkid knows */
	char uuid[64];	    /* as blkid prints it; "" for none */
	char part_uuid[64]; /* GUID of its entry in the GPT, lower case; "" for none */
	uint64_t size_bytes;
	uint32_t number; /* of its entry */
};
struct block_list {
	struct block *items; /* owned; in the order of their names */
	size_t len;
	char *disks; /* owned; the disks' names, each followed by a blank */
};

/*
 * All partitions now. @last: the list before (may be empty): what is known of a partition is
 * not read again.
 */
int block_scan(const struct block_list *last, struct block_list *ret, struct err *err) MUST_CHECK;
void block_list_done(struct block_list *l);
#define cleanup_block_list CLEANUP(block_list_done)
