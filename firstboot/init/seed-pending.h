/*
 * seed-pending - what phase 1 of an import puts beside its places, listed before it is there
 *
 * /var/lib/kiln/seed.pending has a line "d <path>" for each folder that will be made and
 * "f <path>" for each file; so whatever a cut left is found again and goes, even when the seed
 * never comes back. See seed-apply.h for the phases.
 */
#pragma once

#include "seed-tar.h"

/* The list of what @m will bring, on the disk when this returns. */
int seed_pending_write(int root_fd, const struct seed_manifest *m, struct err *err) MUST_CHECK;
/* Removes what a phase 1 left that never came to its end, and the list. */
int seed_pending_clean(int root_fd, struct err *err) MUST_CHECK;

/* ".<name>.kiln-<what>": "new" of a file to come, "was" of one that is being kept. */
void seed_beside(char ret[static 256], const char *name, const char *what);
/* A folder that is not empty stays; @path is for the message. */
int seed_unlink_if_there(int dir_fd, const char *name, int flags, const char *path,
			 struct err *err) MUST_CHECK;
