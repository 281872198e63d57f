/*
 * guid - GUIDs (UUIDs) as text and as derived from a seed
 *
 * Bytes are in the order of the text (RFC 9562); GPT's mixed order is the
 * business of who writes a table. Text is 36 characters, lower case on output,
 * either case on input.
 */
#pragma once

#include "macros.h"

#include <stdbool.h>

#define GUID_TEXT_MAX 37 /* with NUL */

struct guid {
	uint8_t bytes[16];
};

int guid_parse(const char *s, struct guid *ret) MUST_CHECK;
const char *guid_format(const struct guid *g, char dst[GUID_TEXT_MAX]);
bool guid_equal(const struct guid *a, const struct guid *b);
/*
 * The same seed and name give the same GUID on every host: the first bytes of
 * SHA-256(seed, 0x00, name) with version 8 (custom) and the RFC 9562 variant.
 */
void guid_derive(const void *seed, size_t seed_len, const char *name, struct guid *ret);
