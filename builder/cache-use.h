/*
 * cache-use - who works in the cache, and what killed runs left there
 *
 * A bake keeps the descriptor of cache_use() open while it works. When nobody else has one,
 * cache_use() first removes half-made roots and images that are older than an hour: a
 * killed bake could not. A run that cannot do so (a cache of another user, read only) goes on
 * without.
 */
#pragma once

#include "err.h"

/* The descriptor of a shared lock, to be closed by the caller; negative: nothing was locked. */
int cache_use(void);
/* The same, while nobody else works there; -EBUSY. */
int cache_use_alone(int *ret, struct err *err) MUST_CHECK;
