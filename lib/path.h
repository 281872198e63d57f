/*
 * path - names that come from outside, resolved beneath a root
 *
 * Every path here is relative to a root descriptor and may start with "/". Symlinks
 * resolve as if the root were "/" (openat2, RESOLVE_IN_ROOT), so nothing leads out.
 * Kernels before 5.6 have no openat2: -ENOSYS with a text that says so.
 */
#pragma once

#include "err.h"

#include <stdbool.h>
#include <sys/types.h>

/* Absolute, no empty part, no "." or "..", no slash at the end, no control characters. */
bool path_is_clean(const char *path);
/* "a/b" of "a" and "b", one slash between; owned by the caller; NULL: no memory. */
char *path_join(const char *a, const char *b);

/* openat2: flags as for open (O_CLOEXEC is added), mode with O_CREAT. Returns a descriptor. */
int path_open(int root_fd, const char *path, int flags, mode_t mode, struct err *err) MUST_CHECK;
/* Make all folders of a path that are missing, with exactly @mode; an O_RDONLY folder descriptor.
 */
int path_mkdirs(int root_fd, const char *path, mode_t mode, struct err *err) MUST_CHECK;
/*
 * The folder of a path (made if missing), and its last part (borrowed from @path) in
 * *ret_name, for the *at() calls that make, rename and remove. Returns a descriptor.
 */
int path_open_parent(int root_fd, const char *path, mode_t mode, const char **ret_name,
		     struct err *err) MUST_CHECK;
