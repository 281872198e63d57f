/*
 * root-grow - systemd-repart lets root grow, and nothing else change
 *
 * @defs: the folder with 50-root.conf, the one definition of the node. What repart would do
 * is asked first (--dry-run) and refused unless root alone changes, in place and upwards.
 * Discarding is off: it would erase an OSD that has no entry yet.
 */
#pragma once

#include "sysdisk.h"

/*
 * Root becomes as large as @max_bytes and the disk allow. @scratch: an existing folder for
 * the definition with that limit. *ret_grew: the table was changed.
 */
int root_grow(const char *path, unsigned int root_number, const char *defs, const char *scratch,
	      uint64_t max_bytes, bool *ret_grew, struct err *err) MUST_CHECK;
