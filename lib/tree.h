/*
 * tree - folders: walk sorted, make, remove
 *
 * Names are sorted as bytes, so that equal trees are walked equally everywhere.
 * Nothing follows symlinks below the folder that was named.
 */
#pragma once

#include "err.h"

#include <sys/stat.h>

struct name_list {
	char **items; /* owned, each too; sorted */
	size_t len;
};
void name_list_done(struct name_list *l);
#define cleanup_name_list CLEANUP(name_list_done)

/* All names in a folder but "." and "..". */
int tree_list_at(int dir_fd, const char *path, struct name_list *ret, struct err *err) MUST_CHECK;

struct tree_entry {
	int dir_fd;	       /* the folder it is in; borrowed */
	const char *name;      /* its name there */
	const char *path;      /* relative to the start, "etc/hostname" */
	const struct stat *st; /* lstat */
};
/*
 * Calls @fn for everything below a folder, not for the folder itself; a folder before
 * what is in it. A negative result stops the walk and is returned.
 */
typedef int tree_fn(void *arg, const struct tree_entry *e, struct err *err);
int tree_walk_at(int dir_fd, const char *path, tree_fn *fn, void *arg, struct err *err) MUST_CHECK;

/* mkdir -p; -ENOTDIR when a part is no folder. New folders get @mode (and the umask). */
int tree_mkdirs_at(int dir_fd, const char *path, mode_t mode, struct err *err) MUST_CHECK;

/*
 * rm -rf: a file or a folder with everything in it. 0 also when there is nothing. Async-
 * signal-safe and without heap. Stops at mount points (-EXDEV) and below 128 levels (-ELOOP).
 */
int tree_remove_at(int dir_fd, const char *path);
