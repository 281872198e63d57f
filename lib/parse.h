/*
 * parse - text to numbers, sizes and durations; the only way Kiln does it
 *
 * Every parser takes the whole string or fails: no blanks, no sign, no rest.
 * Units: sizes are bytes, durations seconds.
 * Errors: -EINVAL: not that kind of text; -ERANGE: too large, or outside the
 * bounds asked for. *ret is written on success only. None of them allocates.
 *
 *	r = size_parse("64GiB", &bytes);
 */
#pragma once

#include "macros.h"

#define SIZE_TEXT_MAX 32
#define DURATION_TEXT_MAX 48

/* Decimal digits only; no leading zeros but "0" itself. */
int u64_parse(const char *s, uint64_t *ret) MUST_CHECK;
int u32_parse(const char *s, uint32_t *ret) MUST_CHECK;
int u32_parse_between(const char *s, uint32_t min, uint32_t max, uint32_t *ret) MUST_CHECK;
/* Octal digits with at least one leading zero ("0644"); at most 07777. */
int mode_parse(const char *s, uint32_t *ret) MUST_CHECK;
/* A whole number and a unit: B, kB/KB, MB, GB, TB (1000) or KiB, MiB, GiB, TiB (1024). */
int size_parse(const char *s, uint64_t *ret_bytes) MUST_CHECK;
/* One or more of 7d, 4h, 15min, 30s, each unit at most once, large units first: "1h30min". */
int duration_parse(const char *s, uint64_t *ret_s) MUST_CHECK;

/*
 * The largest binary unit that keeps the value whole ("64GiB", "1500B"), and
 * "1h30min"; the text is written to dst (SIZE_TEXT_MAX, DURATION_TEXT_MAX) and returned.
 */
const char *size_format(uint64_t bytes, char *dst);
const char *duration_format(uint64_t s, char *dst);
/* For people: "1.4 GiB"; not parseable. dst has SIZE_TEXT_MAX. */
const char *size_human(uint64_t bytes, char *dst);

/* Checked arithmetic: -ERANGE when the result does not fit. */
static inline MUST_CHECK int size_add(uint64_t a, uint64_t b, uint64_t *ret)
{
	return __builtin_add_overflow(a, b, ret) ? -ERANGE : 0;
}
static inline MUST_CHECK int size_mul(uint64_t a, uint64_t b, uint64_t *ret)
{
	return __builtin_mul_overflow(a, b, ret) ? -ERANGE : 0;
}

/* Exactly 2 * len hex digits of either case to len bytes. */
int hex_decode(const char *s, void *dst, size_t len) MUST_CHECK;
/* len bytes to 2 * len lower-case digits and a NUL; returns dst. */
const char *hex_encode(const void *data, size_t len, char *dst);
