/*
 * cache - what was fetched or built and can be had again
 *
 * $KILN_CACHE, else $XDG_CACHE_HOME/kiln, else ~/.cache/kiln; shared by all clusters of
 * a user. Below it:
 *	sha256/<hex>            inputs by their digest (.debs, K3s, images)
 *	base/<key>.tar, .json   base roots; base/native-<key>.tar: the native half
 *	apt/                    apt's own state and indexes, per architecture
 *	oci/<key>               digest of an archive of container images (oci-archive.h)
 *	tmp/                    half-made things; each has its owner's process id
 * Everything gets its name by rename once it is whole, so several runs may share it.
 */
#pragma once

#include "err.h"

#include <stdbool.h>

/* "<cache>/<rel>", owned by the caller; folders above the last component are made. */
int cache_path(const char *rel, char **ret, struct err *err) MUST_CHECK;
/* The file with that digest: path in *ret (owned) and 1 when it is there, 0 when not. */
int cache_find(const char *sha256, char **ret, struct err *err) MUST_CHECK;
/*
 * Takes a file into the cache under its digest: read back and verified (-EBADMSG when it
 * is another), then renamed or copied. @sha256 NULL: whatever it is. ret_hex may be NULL.
 */
int cache_add(const char *path, const char *sha256, char ret_hex[65], char **ret,
	      struct err *err) MUST_CHECK;
/* A small text under its digest; the caller has computed that. */
int cache_put(const void *data, size_t len, const char *sha256, struct err *err) MUST_CHECK;
