/*
 * seed-read - a seed's tar at the desk: what was baked, to look at and to compare
 *
 * The strict reader is kiln-init's (it decides what a node takes); this one reads what
 * seed_build() wrote. Ownership: results are the caller's; contents of files may be secrets,
 * fileset_done() wipes them.
 * Errors: -EBADMSG: no seed, with what is wrong.
 */
#pragma once

#include "fileset.h"
#include "seed-json.h"

/* seed.json, the first member. */
int seed_read_json(const char *tar, size_t len, struct seed_json *ret, struct err *err) MUST_CHECK;
/* The files below root/, each with its final path; FILESET_SECRET where the mode hides it. */
int seed_read_files(const char *tar, size_t len, struct fileset *ret, struct err *err) MUST_CHECK;
/*
 * The tar itself from an image or disk (its boot partition's kiln/seed-*.tar), or from a file that
 * is a seed. Owned by the caller, to be wiped. -ENOENT: the image holds none (any more).
 */
int seed_read_tar(const char *path, char **ret, size_t *ret_len, struct err *err) MUST_CHECK;
