/* The block functions below EVP are marked deprecated; why they are used stands in digest.h. */
#define OPENSSL_SUPPRESS_DEPRECATED
#include "digest.h"

#include "file.h"
#include "parse.h"

#include <fcntl.h>

#define CHUNK_BYTES (256 * 1024)

void sha256_init(struct sha256 *s)
{
	(void)SHA256_Init(&s->ctx);
}

void sha256_update(struct sha256 *s, const void *data, size_t len)
{
	(void)SHA256_Update(&s->ctx, data, len);
}

void sha256_final(struct sha256 *s, uint8_t ret[SHA256_LEN])
{
	(void)SHA256_Final(ret, &s->ctx);
}

const char *sha256_final_hex(struct sha256 *s, char ret[SHA256_HEX_MAX])
{
	uint8_t sum[SHA256_LEN];

	sha256_final(s, sum);
	return hex_encode(sum, sizeof(sum), ret);
}

void sha256_mem(const void *data, size_t len, uint8_t ret[SHA256_LEN])
{
	struct sha256 s;

	sha256_init(&s);
	sha256_update(&s, data, len);
	sha256_final(&s, ret);
}

const char *sha256_mem_hex(const void *data, size_t len, char ret[SHA256_HEX_MAX])
{
	uint8_t sum[SHA256_LEN];

	sha256_mem(data, len, sum);
	return hex_encode(sum, sizeof(sum), ret);
}

int sha256_fd(int fd, char ret[SHA256_HEX_MAX], struct err *err)
{
	cleanup_free char *chunk = malloc(CHUNK_BYTES);
	struct sha256 s;
	ssize_t n;

	if (!chunk)
		return err_nomem(err);
	sha256_init(&s);
	while ((n = read_upto(fd, chunk, CHUNK_BYTES)) > 0)
		sha256_update(&s, chunk, (size_t)n);
	if (n < 0)
		return err_errnof(err, (int)n, "cannot read for its digest");
	(void)sha256_final_hex(&s, ret);
	return 0;
}

int sha256_file_at(int dir_fd, const char *name, char ret[SHA256_HEX_MAX], struct err *err)
{
	cleanup_close int fd = neg_errno(openat(dir_fd, name, O_RDONLY | O_CLOEXEC));
	int r;

	if (fd < 0)
		return err_errnof(err, fd, "cannot open '%s'", name);
	r = sha256_fd(fd, ret, err);
	if (r < 0)
		return err_wrapf(err, r, "'%s'", name);
	return 0;
}
