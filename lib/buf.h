/*
 * buf - a growing byte buffer with a stated maximum
 *
 * Units: bytes. The contents are always followed by a NUL that is not counted.
 * Ownership: a buf owns its memory; buf_done() releases it and accepts a zeroed
 * struct. buf_steal() hands the memory to the caller (free()).
 * Errors: the first failure (-ENOMEM, or -E2BIG beyond max) is kept; later calls
 * do nothing and return it, so that a series of appends needs one check.
 *
 *	cleanup_buf struct buf b = BUF_INIT(1 << 20);
 *	buf_addf(&b, "%s\n", name);
 *	r = buf_error(&b);
 */
#pragma once

#include "macros.h"

#include <stdarg.h>

struct buf {
	char *data; /* owned; NULL while empty */
	size_t len;
	size_t size; /* allocated bytes */
	size_t max;  /* len never goes beyond this */
	int error;   /* 0 or the first negative errno */
};

#define BUF_INIT(max_bytes)                                                                        \
	{                                                                                          \
		.max = (max_bytes)                                                                 \
	}

void buf_init(struct buf *b, size_t max);
void buf_done(struct buf *b);
void buf_clear(struct buf *b); /* empties, keeps memory, forgets the error */
int buf_add(struct buf *b, const void *data, size_t len);
int buf_adds(struct buf *b, const char *s);
int buf_addc(struct buf *b, char c);
int buf_addf(struct buf *b, const char *fmt, ...) PRINTF_LIKE(2, 3);
int buf_vaddf(struct buf *b, const char *fmt, va_list ap) PRINTF_LIKE(2, 0);
int buf_error(const struct buf *b) MUST_CHECK;
/* The contents as a string ("" when empty); borrowed, valid until the next change. */
const char *buf_str(const struct buf *b);
/* Hands the memory over: NUL-terminated, never NULL unless buf_error(). */
char *buf_steal(struct buf *b, size_t *ret_len);

#define cleanup_buf CLEANUP(buf_done)
