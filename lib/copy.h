/*
 * copy - file contents from one descriptor to another, holes kept
 *
 * Units: bytes. Descriptors are borrowed; both must be seekable; the
 * destination is a fresh or at least zero-filled file opened for writing.
 * Errors: negative errno, named in err.
 */
#pragma once

#include "err.h"

/*
 * The whole source: as a reflink where the filesystem can (no data moves), else range by
 * range with holes left out. The destination gets exactly the source's length.
 * ret_data_bytes (may be NULL): what was copied; 0 for a reflink.
 */
int copy_sparse(int src_fd, int dst_fd, uint64_t *ret_data_bytes, struct err *err) MUST_CHECK;
/* A range; the kernel copies where it can. -EIO: the source ends inside the range. */
int copy_range(int src_fd, uint64_t src_offset_bytes, int dst_fd, uint64_t dst_offset_bytes,
	       uint64_t len_bytes, struct err *err) MUST_CHECK;
/*
 * The next range with data at or behind an offset, as the filesystem knows it: 1 with the
 * range, 0 when only a hole follows. Filesystems without SEEK_DATA show all as data.
 */
int copy_next_data(int fd, uint64_t from_bytes, uint64_t *ret_offset_bytes, uint64_t *ret_len_bytes,
		   struct err *err) MUST_CHECK;
