/*
 * zst - compress a file with zstd, on all processors
 *
 * The result gets its name when it is whole and synced. Errors name the file.
 */
#pragma once

#include "err.h"

int zst_file(const char *from, const char *to, struct err *err) MUST_CHECK;
