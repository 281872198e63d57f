/*
 * file - reading, writing and replacing files
 *
 * All know EINTR and short counts. Descriptors are close-on-exec. dir_fd may be
 * AT_FDCWD with a plain path, except where a directory is synced (file_replace_at
 * and kin open the directory of the name themselves then).
 * Errors: negative errno; where there is an err, it names the file.
 *
 *	r = file_replace_at(dir_fd, "state.json", text, len, 0644, err);
 */
#pragma once

#include "err.h"

#include <stdbool.h>
#include <sys/types.h>

/* Bytes read: less than len only at the end of the file. */
ssize_t read_upto(int fd, void *data, size_t len) MUST_CHECK;
ssize_t pread_upto(int fd, void *data, size_t len, uint64_t offset_bytes) MUST_CHECK;
int write_all(int fd, const void *data, size_t len) MUST_CHECK;
int pwrite_all(int fd, const void *data, size_t len, uint64_t offset_bytes) MUST_CHECK;

/*
 * The whole file, NUL-terminated, owned by the caller; ret_len may be NULL.
 * -EFBIG: larger than max; -EISDIR: a directory; -ENOENT and kin as from open.
 */
int file_read_fd(int fd, const char *name, size_t max, char **ret, size_t *ret_len,
		 struct err *err) MUST_CHECK;
int file_read_at(int dir_fd, const char *name, size_t max, char **ret, size_t *ret_len,
		 struct err *err) MUST_CHECK;

/*
 * Replace a file: temporary beside it, write, mode, fsync, rename, fsync of the
 * directory. After a power cut the old or the new is there, never a mixture.
 */
int file_replace_at(int dir_fd, const char *name, const void *data, size_t len, mode_t mode,
		    struct err *err) MUST_CHECK;
/* The same for a name that must not exist: -EEXIST leaves what is there alone. */
int file_create_at(int dir_fd, const char *name, const void *data, size_t len, mode_t mode,
		   struct err *err) MUST_CHECK;
/*
 * Is @name that of such a temporary? One that lies there while nobody writes was left by a
 * power cut; who owns a folder for good removes it.
 */
bool file_is_temp(const char *name);
/* Begins to write a file out; nothing waits for it, but a later fsync has less to do. */
void file_sync_begin(int fd);
/* fsync of the directory that holds @path, so that its name survives a power cut. */
int file_sync_dir_at(int dir_fd, const char *name, struct err *err) MUST_CHECK;
/* Whether something has that name; symlinks are not followed. -ENOENT is false, no error. */
int file_exists_at(int dir_fd, const char *name, bool *ret, struct err *err) MUST_CHECK;
