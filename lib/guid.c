#include "guid.h"

#include "digest.h"
#include "parse.h"

#include <string.h>

static const uint8_t group_bytes[] = { 4, 2, 2, 2, 6 };

int guid_parse(const char *s, struct guid *ret)
{
	char digits[33];
	size_t n = 0;

	if (strlen(s) != GUID_TEXT_MAX - 1)
		return -EINVAL;
	for (size_t i = 0; i < ARRAY_SIZE(group_bytes); i++) {
		memcpy(digits + n, s, 2u * group_bytes[i]);
		n += 2u * group_bytes[i];
		s += 2u * group_bytes[i];
		if (i + 1 < ARRAY_SIZE(group_bytes) && *s++ != '-')
			return -EINVAL;
	}
	digits[n] = '\0';
	return hex_decode(digits, ret->bytes, sizeof(ret->bytes));
}

const char *guid_format(const struct guid *g, char dst[GUID_TEXT_MAX])
{
	const uint8_t *in = g->bytes;
	char *out = dst;

	for (size_t i = 0; i < ARRAY_SIZE(group_bytes); i++) {
		(void)hex_encode(in, group_bytes[i], out);
		in += group_bytes[i];
		out += 2u * group_bytes[i];
		if (i + 1 < ARRAY_SIZE(group_bytes))
			*out++ = '-';
	}
	return dst;
}

bool guid_equal(const struct guid *a, const struct guid *b)
{
	return memcmp(a->bytes, b->bytes, sizeof(a->bytes)) == 0;
}

void guid_derive(const void *seed, size_t seed_len, const char *name, struct guid *ret)
{
	uint8_t sum[SHA256_LEN];
	struct sha256 s;

	sha256_init(&s);
	sha256_update(&s, seed, seed_len);
	sha256_update(&s, "", 1);
	sha256_update(&s, name, strlen(name));
	sha256_final(&s, sum);
	memcpy(ret->bytes, sum, sizeof(ret->bytes));
	ret->bytes[6] = (uint8_t)((ret->bytes[6] & 0x0f) | 0x80); /* RFC 9562, 5.8: version 8 */
	ret->bytes[8] = (uint8_t)((ret->bytes[8] & 0x3f) | 0x80); /* 4.1: variant 10xx */
}
