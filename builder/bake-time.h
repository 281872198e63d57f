/*
 * bake-time - the time that stands in what is baked
 *
 * SOURCE_DATE_EPOCH when it is set, so that two bakes give the same bytes; else now.
 */
#pragma once

#include "err.h"

/* Seconds since 1970. -EINVAL: SOURCE_DATE_EPOCH is no such number. */
int bake_time(uint64_t *ret, struct err *err) MUST_CHECK;
