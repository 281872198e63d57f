/*
 * seed - all that differs by node, as one tar named by its digest
 *
 * seed_build() renders a node's files (render.h), puts seed.json first and the files
 * below root/, each with its final mode and owner, into an uncompressed pax tar. The
 * same inputs give the same bytes: members are sorted, every time is @baked_at, owners
 * are numbers without names. It stays in memory: it is small but for the bundle.
 *
 * On the boot partition it is kiln/seed-<digest>.tar (seed_file_name()).
 *
 * Ownership: a seed owns its data, which holds secrets and is wiped by seed_done();
 * a zeroed one is accepted. Inputs are borrowed for the call.
 * Errors: -ENOENT with "run 'kiln init'" when a secret is missing; -EINVAL names the
 * input. No text of a secret is in an error.
 *
 *	struct seed_inputs in = { .board = b, .base_id = base.id, .baked_at = now };
 *	cleanup_seed struct seed s = { 0 };
 *	r = seed_build(c, n, &in, &s, err);
 */
#pragma once

#include "board.h"
#include "cluster.h"
#include "digest.h"

#define SEED_BYTES_MAX ((size_t)256 << 20)
#define SEED_NAME_MAX 80 /* "seed-<64 hex>.tar" and NUL */

struct seed_inputs {
	const struct board *board; /* of the node */
	const char *base_id;	   /* base.json's id, 64 hex digits */
	const char *bundle_path;   /* bundle.tar, for control-planes; NULL: none */
	const char *const *wipe;   /* serials of `kiln bake --wipe`, NULL-terminated, or NULL */
	uint64_t baked_at;	   /* seconds since 1970; SOURCE_DATE_EPOCH when set */
};
struct seed {
	char *data; /* owned; the tar */
	size_t len;
	char digest[SHA256_HEX_MAX];
};

int seed_build(const struct cluster *c, const struct node *n, const struct seed_inputs *in,
	       struct seed *ret, struct err *err) MUST_CHECK;
void seed_done(struct seed *s);
#define cleanup_seed CLEANUP(seed_done)
/* "seed-<digest>.tar"; returns dst. */
const char *seed_file_name(const struct seed *s, char dst[SEED_NAME_MAX]);
