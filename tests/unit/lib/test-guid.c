#include "guid.h"
#include "test.h"

TEST(guid_parse_and_format)
{
	static const struct {
		const char *in, *out;
	} cases[] = {
		{ "C12A7328-F81F-11D2-BA4B-00A0C93EC93B", "c12a7328-f81f-11d2-ba4b-00a0c93ec93b" },
		{ "00000000-0000-0000-0000-000000000000", "00000000-0000-0000-0000-000000000000" },
		{ "c12a7328f81f11d2ba4b00a0c93ec93b", NULL },
		{ "{c12a7328-f81f-11d2-ba4b-00a0c93ec93b}", NULL },
		{ "c12a7328-f81f-11d2-ba4b-00a0c93ec93", NULL },
		{ "c12a7328-f81f-11d2-ba4b-00a0c93ec93g", NULL },
		{ "c12a7328-f81f-11d2-ba4b000a0c93ec93b-", NULL },
		{ "", NULL },
	};
	char text[GUID_TEXT_MAX];

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct guid g;
		int r = guid_parse(cases[i].in, &g);

		ASSERT_EQ(r, cases[i].out ? 0 : -EINVAL);
		if (r == 0)
			ASSERT_STR(guid_format(&g, text), cases[i].out);
	}
}

/* The value is sha256sum's: printf 'seed\0root' | sha256sum, with version and variant set. */
TEST(guid_derive_is_stable_and_carries_version_and_variant)
{
	struct guid a, b;
	char text[GUID_TEXT_MAX];

	guid_derive("seed", 4, "root", &a);
	ASSERT_STR(guid_format(&a, text), "f0abe75a-7431-8359-91ea-9babef8eb17d");
	ASSERT_EQ(text[14], '8');
	ASSERT(strchr("89ab", text[19]));
	guid_derive("seed", 4, "boot", &b);
	ASSERT(!guid_equal(&a, &b));
	guid_derive("seedr", 5, "oot", &b); /* the border between seed and name counts */
	ASSERT(!guid_equal(&a, &b));
	guid_derive("seed", 4, "root", &b);
	ASSERT(guid_equal(&a, &b));
}
