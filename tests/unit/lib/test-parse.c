#include "parse.h"
#include "test.h"

TEST(u64_parse_takes_the_whole_text)
{
	static const struct {
		const char *s;
		int r;
		uint64_t n;
	} cases[] = {
		{ "0", 0, 0 },
		{ "7", 0, 7 },
		{ "18446744073709551615", 0, UINT64_MAX },
		{ "18446744073709551616", -ERANGE, 0 },
		{ "99999999999999999999999", -ERANGE, 0 },
		{ "", -EINVAL, 0 },
		{ "-1", -EINVAL, 0 },
		{ "+1", -EINVAL, 0 },
		{ " 1", -EINVAL, 0 },
		{ "1 ", -EINVAL, 0 },
		{ "01", -EINVAL, 0 },
		{ "00", -EINVAL, 0 },
		{ "0x10", -EINVAL, 0 },
		{ "1e3", -EINVAL, 0 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		uint64_t n = 0;

		ASSERT_EQ(u64_parse(cases[i].s, &n), cases[i].r);
		ASSERT_EQ(n, cases[i].n);
	}
}

TEST(u32_parse_keeps_its_bounds)
{
	uint32_t n = 5;

	ASSERT_EQ(u32_parse("4294967295", &n), 0);
	ASSERT_EQ(n, UINT32_MAX);
	ASSERT_EQ(u32_parse("4294967296", &n), -ERANGE);
	ASSERT_EQ(u32_parse_between("9", 10, 20, &n), -ERANGE);
	ASSERT_EQ(u32_parse_between("21", 10, 20, &n), -ERANGE);
	ASSERT_EQ(n, UINT32_MAX); /* untouched */
	ASSERT_EQ(u32_parse_between("10", 10, 20, &n), 0);
	ASSERT_EQ(n, 10);
}

TEST(mode_parse_is_octal_with_a_leading_zero)
{
	uint32_t n = 0;

	ASSERT_EQ(mode_parse("0644", &n), 0);
	ASSERT_EQ(n, 0644);
	ASSERT_EQ(mode_parse("07777", &n), 0);
	ASSERT_EQ(mode_parse("010000", &n), -ERANGE);
	ASSERT_EQ(mode_parse("644", &n), -EINVAL);
	ASSERT_EQ(mode_parse("0648", &n), -EINVAL);
	ASSERT_EQ(mode_parse("0", &n), -EINVAL);
	ASSERT_EQ(mode_parse("", &n), -EINVAL);
}

TEST(size_parse_needs_a_unit_and_means_it)
{
	static const struct {
		const char *s;
		int r;
		uint64_t bytes;
	} cases[] = {
		{ "0B", 0, 0 },
		{ "1B", 0, 1 },
		{ "1kB", 0, 1000 },
		{ "1KB", 0, 1000 },
		{ "1KiB", 0, 1024 },
		{ "64GiB", 0, UINT64_C(64) << 30 },
		{ "64GB", 0, UINT64_C(64000000000) },
		{ "2TB", 0, UINT64_C(2000000000000) },
		{ "2TiB", 0, UINT64_C(2) << 40 },
		{ "16777215TiB", 0, UINT64_C(16777215) << 40 },
		{ "16777216TiB", -ERANGE, 0 },
		{ "64", -EINVAL, 0 },
		{ "64G", -EINVAL, 0 },
		{ "64gib", -EINVAL, 0 },
		{ "64 GiB", -EINVAL, 0 },
		{ "1.5GiB", -EINVAL, 0 },
		{ "-1GiB", -EINVAL, 0 },
		{ "GiB", -EINVAL, 0 },
		{ "1GiBs", -EINVAL, 0 },
		{ "", -EINVAL, 0 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		uint64_t n = 0;

		ASSERT_EQ(size_parse(cases[i].s, &n), cases[i].r);
		ASSERT_EQ(n, cases[i].bytes);
	}
}

TEST(duration_parse_adds_units_in_order)
{
	static const struct {
		const char *s;
		int r;
		uint64_t n;
	} cases[] = {
		{ "30s", 0, 30 },
		{ "15min", 0, 900 },
		{ "72h", 0, 259200 },
		{ "7d", 0, 604800 },
		{ "1h30min", 0, 5400 },
		{ "1d1h1min1s", 0, 90061 },
		{ "0s", 0, 0 },
		{ "15", -EINVAL, 0 },
		{ "15m", -EINVAL, 0 },
		{ "min", -EINVAL, 0 },
		{ "30min1h", -EINVAL, 0 },
		{ "1h1h", -EINVAL, 0 },
		{ "1h 30min", -EINVAL, 0 },
		{ "1hour", -EINVAL, 0 },
		{ "", -EINVAL, 0 },
		{ "213503982334601d", 0, UINT64_C(18446744073709526400) },
		{ "213503982334602d", -ERANGE, 0 },
		{ "213503982334601d9h", -ERANGE, 0 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		uint64_t n = 0;

		ASSERT_EQ(duration_parse(cases[i].s, &n), cases[i].r);
		ASSERT_EQ(n, cases[i].n);
	}
}

TEST(size_and_duration_formats_parse_back)
{
	static const uint64_t values[] = { 0,	 1,	59,    60,	1023,	   1024,
					   5400, 86400, 90061, 1 << 20, UINT64_MAX };
	char text[DURATION_TEXT_MAX];
	uint64_t n;

	for (size_t i = 0; i < ARRAY_SIZE(values); i++) {
		ASSERT_EQ(size_parse(size_format(values[i], text), &n), 0);
		ASSERT(n == values[i]);
		ASSERT_EQ(duration_parse(duration_format(values[i], text), &n), 0);
		ASSERT(n == values[i]);
	}
	ASSERT_STR(size_format(UINT64_C(64) << 30, text), "64GiB");
	ASSERT_STR(size_format(1500, text), "1500B");
	ASSERT_STR(duration_format(5400, text), "1h30min");
	ASSERT_STR(size_human(1536, text), "1.5 KiB");
	ASSERT_STR(size_human(UINT64_C(238) << 30, text), "238 GiB");
	ASSERT_STR(size_human(999, text), "999 B");
}

TEST(hex_decode_takes_exactly_its_length)
{
	uint8_t bytes[3] = { 9, 9, 9 };
	char text[7];

	ASSERT_EQ(hex_decode("00fFa5", bytes, 3), 0);
	ASSERT_STR(hex_encode(bytes, 3, text), "00ffa5");
	ASSERT_EQ(hex_decode("00ff", bytes, 3), -EINVAL);
	ASSERT_EQ(hex_decode("00ffa5a5", bytes, 3), -EINVAL);
	ASSERT_EQ(hex_decode("00ffa", bytes, 3), -EINVAL);
	ASSERT_EQ(hex_decode("00ffag", bytes, 3), -EINVAL);
	ASSERT_EQ(bytes[1], 0xff); /* untouched by failures */
}

TEST(size_arithmetic_is_checked)
{
	uint64_t n = 1;

	ASSERT_EQ(size_add(UINT64_MAX, 1, &n), -ERANGE);
	ASSERT_EQ(size_add(UINT64_MAX - 1, 1, &n), 0);
	ASSERT(n == UINT64_MAX);
	ASSERT_EQ(size_mul(UINT64_C(1) << 32, UINT64_C(1) << 32, &n), -ERANGE);
}
