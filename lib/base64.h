/*
 * base64 - RFC 4648 text with padding, as kubeconfigs and Secrets hold it
 *
 * Decoding is strict: no blanks, no line breaks, right padding, zero rest bits.
 * Memory is the caller's; it is wiped by who knows that it was secret.
 */
#pragma once

#include "macros.h"

/* NUL-terminated, owned by the caller; NULL: no memory. */
char *base64_encode(const void *data, size_t len) MUST_CHECK;
/* *ret is owned by the caller and followed by a NUL that ret_len does not count. -EINVAL, -ENOMEM.
 */
int base64_decode(const char *text, char **ret, size_t *ret_len) MUST_CHECK;
