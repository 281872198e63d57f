/*
 * seed-files - the list of what a seed brought, and the state files of its import
 *
 * /var/lib/kiln/seed.files has a line "<sha256> <path>" for every file and symlink
 * (of a symlink the digest is its target's), sorted by path.
 */
#pragma once

#include "seed-tar.h"

struct stat;

struct seed_files {
	struct seed_file {
		const char *path; /* into text */
		char sha256[SHA256_HEX_MAX];
	} * items; /* owned; sorted by path */
	size_t len;
	char *text; /* owned */
};

/* Nothing there: an empty list. Lines that are damaged are left out. */
int seed_files_read(int root_fd, struct seed_files *ret, struct err *err) MUST_CHECK;
int seed_files_write(int root_fd, const struct seed_manifest *m, struct err *err) MUST_CHECK;
void seed_files_done(struct seed_files *f);
const char *seed_files_find(const struct seed_files *f, const char *path);

/* 1: there, *ret filled, symlinks not followed at the end; 0: not there. */
int seed_lstat(int root_fd, const char *path, struct stat *ret, struct err *err) MUST_CHECK;
/* Digest of a file's contents or a symlink's target; 1: done, 0: neither of them is there. */
int seed_digest_at(int dir_fd, const char *name, char ret[SHA256_HEX_MAX],
		   struct err *err) MUST_CHECK;

/* The folder that holds a path; -ENOENT, with err left alone, if there is none. */
int seed_open_folder_of(int root_fd, const char *path, struct err *err) MUST_CHECK;

/* 1: read, *ret owned by the caller; 0: not there. */
int seed_state_read(int root_fd, const char *path, size_t max, char **ret, size_t *ret_len,
		    struct err *err) MUST_CHECK;
/* State files: replaced whole, 0600; removed with the folder synced. */
int seed_state_write(int root_fd, const char *path, const char *data, size_t len,
		     struct err *err) MUST_CHECK;
int seed_state_remove(int root_fd, const char *path, struct err *err) MUST_CHECK;
