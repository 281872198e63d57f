#include "base64.h"

#include <stdbool.h>
#include <string.h>

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

char *base64_encode(const void *data, size_t len)
{
	const uint8_t *in = data;
	char *text, *out;

	if (len > SIZE_MAX / 4 * 3 - 4)
		return NULL;
	text = out = malloc((len + 2) / 3 * 4 + 1);
	if (!text)
		return NULL;
	for (; len > 0; in += 3) {
		size_t n = len < 3 ? len : 3;
		uint32_t bits = (uint32_t)in[0] << 16 | (n > 1 ? (uint32_t)in[1] << 8 : 0) |
				(n > 2 ? in[2] : 0u);

		*out++ = digits[bits >> 18];
		*out++ = digits[bits >> 12 & 63];
		*out++ = n > 1 ? digits[bits >> 6 & 63] : '=';
		*out++ = n > 2 ? digits[bits & 63] : '=';
		len -= n;
	}
	*out = '\0';
	return text;
}

static int value(char c)
{
	const char *p = c ? strchr(digits, c) : NULL;

	return p ? (int)(p - digits) : -1;
}

/* Four digits to up to three bytes; how many, or -EINVAL. Padding only where @last. */
static int decode_group(const char *in, bool last, uint8_t *out)
{
	int n = !last ? 3 : in[3] != '=' ? 3 : in[2] != '=' ? 2 : 1;
	uint32_t bits = 0;

	for (int i = 0; i < 4; i++) {
		int v = i <= n ? value(in[i]) : 0;

		if (v < 0)
			return -EINVAL;
		bits = bits << 6 | (uint32_t)v;
	}
	if (bits & ((UINT32_C(1) << (8 * (3 - n))) - 1)) /* bits that no byte takes must be zero */
		return -EINVAL;
	for (int i = 0; i < n; i++)
		out[i] = (uint8_t)(bits >> (16 - 8 * i));
	return n;
}

int base64_decode(const char *text, char **ret, size_t *ret_len)
{
	size_t len = strlen(text), done = 0;
	cleanup_free char *data = NULL;

	if (len % 4)
		return -EINVAL;
	data = malloc(len / 4 * 3 + 1);
	if (!data)
		return -ENOMEM;
	for (size_t i = 0; i < len; i += 4) {
		uint8_t group[3];
		int n = decode_group(text + i, i + 4 == len, group);

		if (n < 0)
			return n;
		memcpy(data + done, group, (size_t)n);
		done += (size_t)n;
	}
	data[done] = '\0';
	*ret = TAKE_PTR(data);
	*ret_len = done;
	return 0;
}
