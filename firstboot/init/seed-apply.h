/*
 * seed-apply - put a seed's files into a root, whole or not at all
 *
 * Three phases, each synced before the next:
 *	1. every file is written beside its place as ".<name>.kiln-new"; their list stands
 *	   in /var/lib/kiln/seed.pending first (seed-pending). A failure here leaves the root as it
 *was.
 *	2. they are renamed into place; files of the former seed (seed.files) that this one
 *	   lacks go. A file that a person changed since is kept as "<name>.kiln-old".
 *	3. /var/lib/kiln/seed.files, then /var/lib/kiln/seed.json are replaced.
 * Power may go at any instant: the seed is still on the boot partition, and doing it
 * again from the start gives the same result.
 *
 * Paths resolve beneath root_fd; parents that are missing are made, 0755.
 * Errors: from phase 1 any errno; *ret_torn tells whether phase 2 had begun, when the root
 * may hold files of both seeds and must not be booted.
 */
#pragma once

#include "seed-tar.h"

#define SEED_STATE_DIR "/var/lib/kiln"
#define SEED_RECORD SEED_STATE_DIR "/seed.json"
#define SEED_FILES SEED_STATE_DIR "/seed.files"
#define SEED_PENDING SEED_STATE_DIR "/seed.pending"

/* @digest is the tar's, as hex. */
int seed_apply(int root_fd, int tar_fd, const struct seed_manifest *m, const char *digest,
	       bool *ret_torn, struct err *err) MUST_CHECK;
