/*
 * base-kept - base roots in the cache: their names, their locks, and what is known of a finished
 *one
 *
 *	base/<key>.tar, .json		a root, and its size and kernel; the tar gets its name last
 *	base/native-<key>.tar		a native half
 *	base/<key>.lock			held by the process that makes either
 *
 * Ownership: paths are the caller's. Errors name the file.
 */
#pragma once

#include "base-inputs.h"

/* "<cache>/base/<prefix><key>.<ext>" */
int base_kept_path(const char *prefix, const char *key, const char *ext, char **ret,
		   struct err *err) MUST_CHECK;
/* flock's @how; LOCK_NB: -EWOULDBLOCK when another process has it. Released by close(). */
int base_kept_lock(const char *key, int how, int *ret_fd, struct err *err) MUST_CHECK;
/* Before the root's tar gets its name. */
int base_kept_describe(const struct base_inputs *in, int64_t tar_bytes, const char *kernel,
		       struct err *err) MUST_CHECK;
/* The finished root of these inputs; -ENOENT: it is not built yet. */
int base_kept_find(const struct base_inputs *in, struct base_root *ret, struct err *err) MUST_CHECK;
