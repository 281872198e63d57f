/*
 * tempfile - temporary files and folders that are gone afterwards
 *
 * Removed by their release, at exit and on SIGINT, SIGTERM and SIGHUP (owned.h).
 * A file can be committed instead: synced and renamed to its final name, which
 * shows either nothing or the whole. Ownership: the caller owns the struct;
 * path and fd are borrowed from it.
 *
 *	cleanup_tempfile struct tempfile *t = NULL;
 *	r = tempfile_new("out/cow.img", &t, err);         next to its target
 *	... write to t->fd ...
 *	r = tempfile_commit(t, "out/cow.img", 0644, err);
 */
#pragma once

#include "err.h"

#include <sys/types.h>

struct owned;
struct tempfile {
	char *path; /* absolute */
	int fd;	    /* read and write; -EBADF for a folder */
	struct owned *owned;
};

/* An empty file, 0600, in the folder of @target and named after it: ".cow.img.XXXXXX". */
int tempfile_new(const char *target, struct tempfile **ret, struct err *err) MUST_CHECK;
/* A folder, 0700, in @parent (NULL: $TMPDIR, else /tmp): "<prefix>XXXXXX". */
int tempfile_new_dir(const char *parent, const char *prefix, struct tempfile **ret,
		     struct err *err) MUST_CHECK;
/*
 * Sync the file, give it @mode, rename it to @target on the same filesystem and sync the
 * folder. Afterwards t only holds the fd.
 */
int tempfile_commit(struct tempfile *t, const char *target, mode_t mode,
		    struct err *err) MUST_CHECK;
/* Closes, and removes what was not committed; a folder with all in it. */
void tempfile_free(struct tempfile *t);
static inline void tempfile_freep(struct tempfile **t)
{
	tempfile_free(*t);
}
#define cleanup_tempfile CLEANUP(tempfile_freep)
