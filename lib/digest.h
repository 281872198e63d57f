/*
 * digest - SHA-256 of memory, files and streams
 *
 * libcrypto's block functions (SHA-NI and ARMv8 where the CPU has them), used
 * below EVP: they need no heap, cannot fail, and link small into the static
 * kiln-init. A struct sha256 needs no release. Hex is lower case.
 */
#pragma once

#include "err.h"

#include <openssl/sha.h>

#define SHA256_LEN 32
#define SHA256_HEX_MAX 65 /* 64 digits and a NUL */

struct sha256 {
	SHA256_CTX ctx;
};

void sha256_init(struct sha256 *s);
void sha256_update(struct sha256 *s, const void *data, size_t len);
void sha256_final(struct sha256 *s, uint8_t ret[SHA256_LEN]);
/* Final, as hex; returns ret. */
const char *sha256_final_hex(struct sha256 *s, char ret[SHA256_HEX_MAX]);

void sha256_mem(const void *data, size_t len, uint8_t ret[SHA256_LEN]);
const char *sha256_mem_hex(const void *data, size_t len, char ret[SHA256_HEX_MAX]);
/* From the fd's position to its end; the position moves. */
int sha256_fd(int fd, char ret[SHA256_HEX_MAX], struct err *err) MUST_CHECK;
/* A file below dir_fd (AT_FDCWD for a plain path). */
int sha256_file_at(int dir_fd, const char *name, char ret[SHA256_HEX_MAX],
		   struct err *err) MUST_CHECK;
