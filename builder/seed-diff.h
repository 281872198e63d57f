/*
 * seed-diff - the files of two seeds against each other
 *
 * Both lists are sorted by path; nothing is copied: a diff borrows both filesets and lives no
 * longer. Contents are compared, never shown.
 */
#pragma once

#include "fileset.h"

#include <jansson.h>
#include <stdio.h>

enum seed_change {
	CHANGE_ADDED = 1 << 0,
	CHANGE_REMOVED = 1 << 1,
	CHANGE_TYPE = 1 << 2, /* and then nothing below */
	CHANGE_CONTENTS = 1 << 3,
	CHANGE_MODE = 1 << 4,
	CHANGE_OWNER = 1 << 5,
};
struct seed_difference {
	const struct fileset_entry *before, *after; /* borrowed; NULL: added or removed */
	unsigned int what;			    /* enum seed_change */
};
struct seed_diff {
	struct seed_difference *items; /* owned; by path */
	size_t len;
};

int seed_diff_make(const struct fileset *before, const struct fileset *after, struct seed_diff *ret,
		   struct err *err) MUST_CHECK;
void seed_diff_done(struct seed_diff *d);
#define cleanup_seed_diff CLEANUP(seed_diff_done)
/* A line each: "+ PATH", "- PATH", "~ PATH  contents, mode 0644 -> 0600". */
void seed_diff_print(const struct seed_diff *d, FILE *out);
/* [{"path", "change": "added|removed|changed", "what": [...]}]; NULL: no memory. */
json_t *seed_diff_json(const struct seed_diff *d);
