/*
 * vault - the folder .kiln/secrets: adds what is missing, never overwrites
 *
 * Names are relative to the folder ("nodes/cow/machine-id"). Files are 0600, folders
 * 0700. Each file is synced under a temporary name first, so that a power cut leaves
 * it whole or absent. One writer at a time holds the lock. Values are wiped by who
 * made them.
 */
#pragma once

#include "secrets.h"

struct vault {
	char *path; /* owned */
	int fd;
	unsigned int made; /* files added by this process */
};

/* Opens and locks it, making .kiln/ (with a .gitignore for all in it) where it is missing. */
int vault_open(const char *cluster_dir, struct vault *ret, struct err *err) MUST_CHECK;
void vault_done(struct vault *v);
#define cleanup_vault CLEANUP(vault_done)

int vault_has(const struct vault *v, const char *name, bool *ret, struct err *err) MUST_CHECK;
/* -ENOENT: not there. */
int vault_get(const struct vault *v, const char *name, struct secret *ret,
	      struct err *err) MUST_CHECK;
/* -EEXIST: it is there, and stays as it is. */
int vault_add(struct vault *v, const char *name, const void *data, size_t len,
	      struct err *err) MUST_CHECK;

/* Random bytes from the kernel, as 2 * bytes hex digits. */
int vault_random_hex(size_t bytes, struct secret *ret, struct err *err) MUST_CHECK;
/* The same as a file with a newline, unless it is there already. */
int vault_add_random_hex(struct vault *v, const char *name, size_t bytes,
			 struct err *err) MUST_CHECK;
