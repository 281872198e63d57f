/* twin-db - dpkg's database of the target, from the native one and the target's packages */
#pragma once

#include "base-twin.h"
#include "dpkg-db.h"

/* Rewrites diversions (and architecture files) first: the swap needs them. */
int twin_db_diversions(const struct twin *t, struct err *err) MUST_CHECK;
/* status, info/, triggers/ for @t's packages; @native: the database before. */
int twin_db_write(const struct twin *t, const struct dpkg_db *native, struct err *err) MUST_CHECK;
/* Triplet, loader and ":arch" in a text file of the root, if it is there. */
int twin_db_translate(const struct twin *t, const char *path, struct err *err) MUST_CHECK;
