/*
 * bundle-reader - bundle.tar read object by object
 *
 * Only the index and a table of places (48 bytes an object) are in memory; an
 * object's text is read when asked for and checked against its digest. The tar
 * is ours (builder/bundle-write): ustar, index.json first, regular files only;
 * anything else is refused.
 * Ownership: the reader owns its index and its descriptor.
 *
 *	r = bundle_reader_open(AT_FDCWD, "/var/lib/kiln/bundle.tar", sha256, &reader, err);
 *	index = bundle_reader_index(reader);
 *	r = bundle_reader_object(reader, &index->components.items[0].objects.items[0], &text, &len,
 *err);
 */
#pragma once

#include "bundle-index.h"

#define BUNDLE_OBJECT_MAX ((size_t)3 << 20) /* what the API server takes as one body */

struct bundle_reader;

/* @sha256: what the whole file must be (hex), or NULL: not asked. -EBADMSG: not a bundle, or
 * damaged. */
int bundle_reader_open(int dir_fd, const char *path, const char *sha256, struct bundle_reader **ret,
		       struct err *err) MUST_CHECK;
const struct bundle_index *bundle_reader_index(const struct bundle_reader *b);
/* The object's JSON, NUL-terminated, owned by the caller; it may hold secrets (o->secret). */
int bundle_reader_object(const struct bundle_reader *b, const struct bundle_object *o, char **ret,
			 size_t *ret_len, struct err *err) MUST_CHECK;
void bundle_reader_free(struct bundle_reader *b);
static inline void bundle_reader_freep(struct bundle_reader **b)
{
	bundle_reader_free(*b);
}
#define cleanup_bundle_reader CLEANUP(bundle_reader_freep)
