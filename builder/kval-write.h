/*
 * kval-write - a value as canonical JSON text: equal values, equal bytes
 *
 * One line, keys sorted as bytes, no blanks, UTF-8 raw, '/' as it is; only '"', '\' and
 * characters below 0x20 are escaped.
 * Errors: those of the buffer, -ENOMEM or -E2BIG.
 */
#pragma once

#include "buf.h"
#include "kval.h"

int kval_write_json(const struct kval *v, struct buf *out) MUST_CHECK;
