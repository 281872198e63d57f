/*
 * utf8 - well-formed UTF-8 (RFC 3629): shortest forms only, no surrogates, up to U+10FFFF
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The character at @s, of which @len bytes are there (at least 1); its length, 0: none. */
size_t utf8_decode(const char *s, size_t len, uint32_t *ret);
bool utf8_is_valid(const char *s);
