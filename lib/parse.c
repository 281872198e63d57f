#include "parse.h"

#include <inttypes.h>
#include <stdbool.h>
#include <string.h>

/* Digits at *s, which moves behind them; a leading zero stands alone. */
static int digits(const char **s, uint64_t *ret)
{
	const char *p = *s;
	uint64_t n = 0;

	if (*p < '0' || *p > '9')
		return -EINVAL;
	if (*p == '0' && p[1] >= '0' && p[1] <= '9')
		return -EINVAL;
	for (; *p >= '0' && *p <= '9'; p++)
		if (__builtin_mul_overflow(n, 10u, &n) ||
		    __builtin_add_overflow(n, (unsigned)(*p - '0'), &n))
			return -ERANGE;
	*s = p;
	*ret = n;
	return 0;
}

int u64_parse(const char *s, uint64_t *ret)
{
	uint64_t n;
	int r = digits(&s, &n);

	if (r < 0)
		return r;
	if (*s)
		return -EINVAL;
	*ret = n;
	return 0;
}

int u32_parse_between(const char *s, uint32_t min, uint32_t max, uint32_t *ret)
{
	uint64_t n;
	int r = u64_parse(s, &n);

	if (r < 0)
		return r;
	if (n < min || n > max)
		return -ERANGE;
	*ret = (uint32_t)n;
	return 0;
}

int u32_parse(const char *s, uint32_t *ret)
{
	return u32_parse_between(s, 0, UINT32_MAX, ret);
}

int mode_parse(const char *s, uint32_t *ret)
{
	uint32_t n = 0;

	if (*s != '0' || !s[1])
		return -EINVAL;
	for (; *s; s++) {
		if (*s < '0' || *s > '7')
			return -EINVAL;
		n = n * 8 + (uint32_t)(*s - '0');
		if (n > 07777)
			return -ERANGE;
	}
	*ret = n;
	return 0;
}

static const struct size_unit {
	const char *name;
	uint64_t bytes;
} size_units[] = {
	{ "B", 1 },
	{ "kB", 1000 },
	{ "KB", 1000 },
	{ "MB", 1000 * 1000 },
	{ "GB", 1000 * 1000 * 1000 },
	{ "TB", UINT64_C(1000) * 1000 * 1000 * 1000 },
	{ "KiB", UINT64_C(1) << 10 },
	{ "MiB", UINT64_C(1) << 20 },
	{ "GiB", UINT64_C(1) << 30 },
	{ "TiB", UINT64_C(1) << 40 },
};

int size_parse(const char *s, uint64_t *ret_bytes)
{
	uint64_t n;
	int r = digits(&s, &n);

	if (r < 0)
		return r;
	for (size_t i = 0; i < ARRAY_SIZE(size_units); i++)
		if (strcmp(s, size_units[i].name) == 0)
			return size_mul(n, size_units[i].bytes, ret_bytes);
	return -EINVAL;
}

static const struct duration_unit {
	const char *name;
	uint64_t s;
} duration_units[] = { { "d", 86400 }, { "h", 3600 }, { "min", 60 }, { "s", 1 } };

/* The unit at *s, after index @from, that ends where a digit or the text's end follows. */
static int duration_unit(const char **s, size_t from, size_t *ret)
{
	for (size_t i = from; i < ARRAY_SIZE(duration_units); i++) {
		size_t len = strlen(duration_units[i].name);
		char next;

		if (strncmp(*s, duration_units[i].name, len) != 0)
			continue;
		next = (*s)[len];
		if (next && (next < '0' || next > '9'))
			continue;
		*s += len;
		*ret = i;
		return 0;
	}
	return -EINVAL;
}

int duration_parse(const char *s, uint64_t *ret_s)
{
	uint64_t sum = 0;
	size_t from = 0;

	do {
		uint64_t n;
		size_t unit;
		int r = digits(&s, &n);

		if (r < 0)
			return r;
		r = duration_unit(&s, from, &unit);
		if (r < 0)
			return r;
		if (size_mul(n, duration_units[unit].s, &n) < 0 || size_add(sum, n, &sum) < 0)
			return -ERANGE;
		from = unit + 1;
	} while (*s);
	*ret_s = sum;
	return 0;
}

const char *size_format(uint64_t bytes, char *dst)
{
	const char *const names[] = { "B", "KiB", "MiB", "GiB", "TiB" };
	size_t i = 0;

	while (bytes && bytes % 1024 == 0 && i + 1 < ARRAY_SIZE(names)) {
		bytes /= 1024;
		i++;
	}
	(void)snprintf(dst, SIZE_TEXT_MAX, "%" PRIu64 "%s", bytes, names[i]);
	return dst;
}

const char *size_human(uint64_t bytes, char *dst)
{
	const char *const names[] = { "B", "KiB", "MiB", "GiB", "TiB" };
	uint64_t unit = 1;
	size_t i = 0;

	while (bytes / unit >= 1024 && i + 1 < ARRAY_SIZE(names)) {
		unit *= 1024;
		i++;
	}
	if (i == 0 || bytes / unit >= 100)
		(void)snprintf(dst, SIZE_TEXT_MAX, "%" PRIu64 " %s", bytes / unit, names[i]);
	else
		(void)snprintf(dst, SIZE_TEXT_MAX, "%" PRIu64 ".%" PRIu64 " %s", bytes / unit,
			       bytes % unit * 10 / unit, names[i]);
	return dst;
}

const char *duration_format(uint64_t s, char *dst)
{
	size_t len = 0;

	for (size_t i = 0; i < ARRAY_SIZE(duration_units); i++) {
		uint64_t n = s / duration_units[i].s;

		s %= duration_units[i].s;
		if (n)
			len += (size_t)snprintf(dst + len, DURATION_TEXT_MAX - len, "%" PRIu64 "%s",
						n, duration_units[i].name);
	}
	if (len == 0)
		(void)snprintf(dst, DURATION_TEXT_MAX, "0s");
	return dst;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

int hex_decode(const char *s, void *dst, size_t len)
{
	uint8_t *out = dst;

	for (size_t i = 0; i < 2 * len; i++)
		if (hex_digit(s[i]) < 0) /* a NUL is no digit: nothing beyond it is read */
			return -EINVAL;
	if (s[2 * len])
		return -EINVAL;
	for (size_t i = 0; i < len; i++)
		out[i] = (uint8_t)(hex_digit(s[2 * i]) << 4 | hex_digit(s[2 * i + 1]));
	return 0;
}

const char *hex_encode(const void *data, size_t len, char *dst)
{
	const uint8_t *in = data;

	for (size_t i = 0; i < len; i++) {
		dst[2 * i] = "0123456789abcdef"[in[i] >> 4];
		dst[2 * i + 1] = "0123456789abcdef"[in[i] & 15];
	}
	dst[2 * len] = '\0';
	return dst;
}
