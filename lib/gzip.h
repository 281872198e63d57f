/*
 * gzip - the same bytes for the same input: no time, no name in the header
 */
#pragma once

#include "err.h"

/* zlib's level 6. The result is owned by the caller. */
int gzip_mem(const void *data, size_t len, char **ret, size_t *ret_len, struct err *err) MUST_CHECK;
