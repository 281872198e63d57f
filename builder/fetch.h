/*
 * fetch - bring locked files into the cache, and find them there
 *
 * Downloads go on where an earlier run stopped ("<cache>/sha256/<hex>.part"). Errors name
 * the command that would bring what is missing.
 */
#pragma once

#include "http.h"
#include "lock.h"

/*
 * The file in the cache, owned by the caller. @h: NULL means offline: -ENOENT when it is
 * not there.
 */
int fetch_file(const struct lock_file *f, struct http *h, char **ret, struct err *err) MUST_CHECK;
