/*
 * sysdisk - the partition table of the disk that root is on
 *
 * Units: bytes; ends are exclusive. The table is read and written by libfdisk, which is
 * told to wipe nothing: adding an entry changes the tables at both ends and no other
 * byte. Works on a block device and on a file.
 */
#pragma once

#include "err.h"

#include <stdbool.h>
#include <stdint.h>

#define SYSDISK_GRAIN ((uint64_t)1 << 20) /* where partitions start and OSDs are looked for */
#define CEPH_SIZE_MIN ((uint64_t)5 << 30) /* Rook takes no less */

struct sysdisk {
	uint64_t size_bytes;
	uint64_t root_start, root_end;
	uint64_t next_start;	       /* of the first partition behind root; 0: none */
	unsigned int next_number;      /* of that one */
	bool has_ceph;		       /* an entry with the GUID asked for is there */
	uint64_t ceph_start, ceph_end; /* of that entry */
	uint64_t free_end;	       /* where Ceph's partition ends: a multiple of the grain */
};

/* @root_number: of root's entry, from 1. @ceph_guid: NULL: not looked for. */
int sysdisk_read(const char *path, unsigned int root_number, const char *ceph_guid,
		 struct sysdisk *ret, struct err *err) MUST_CHECK;
/*
 * Where Ceph's partition is to be when no OSD is there yet: behind root at its full size.
 * -ENOSPC: less than CEPH_SIZE_MIN is left. -EEXIST: another partition is behind root.
 */
int sysdisk_ceph_range(const struct sysdisk *d, uint64_t root_size_bytes, uint64_t *ret_start,
		       uint64_t *ret_end, struct err *err) MUST_CHECK;
/* Add the entry, tell the kernel of it. -EEXIST: the range is not free in the table. */
int sysdisk_add_ceph(const char *path, const char *guid, const char *label, uint64_t start,
		     uint64_t end, struct err *err) MUST_CHECK;
