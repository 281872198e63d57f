#include "utf8.h"

#include "test.h"

#include <jansson.h>
#include <string.h>

TEST(utf8_characters_and_what_is_none)
{
	static const struct {
		const char *bytes;
		size_t n;
		uint32_t c;
	} cases[] = {
		{ "a", 1, 'a' },
		{ "\x7f", 1, 0x7f },
		{ "\xc2\x80", 2, 0x80 },
		{ "\xdf\xbf", 2, 0x7ff },
		{ "\xe0\xa0\x80", 3, 0x800 },
		{ "\xed\x9f\xbf", 3, 0xd7ff },
		{ "\xee\x80\x80", 3, 0xe000 },
		{ "\xf0\x90\x80\x80", 4, 0x10000 },
		{ "\xf4\x8f\xbf\xbf", 4, 0x10ffff },
		{ "\x80", 0, 0 },
		{ "\xbf", 0, 0 },
		{ "\xc0\x80", 0, 0 }, /* longer than needed */
		{ "\xc1\xbf", 0, 0 },
		{ "\xe0\x9f\xbf", 0, 0 },
		{ "\xf0\x8f\xbf\xbf", 0, 0 },
		{ "\xed\xa0\x80", 0, 0 }, /* surrogates */
		{ "\xed\xbf\xbf", 0, 0 },
		{ "\xf4\x90\x80\x80", 0, 0 }, /* too large */
		{ "\xf5\x80\x80\x80", 0, 0 },
		{ "\xff", 0, 0 },
		{ "\xc3", 0, 0 }, /* cut */
		{ "\xe2\x82", 0, 0 },
		{ "\xe2\x28\xa1", 0, 0 },
		{ "\xf0\x9f\x98", 0, 0 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		uint32_t c = 0;

		ASSERT_EQ(utf8_decode(cases[i].bytes, strlen(cases[i].bytes), &c), cases[i].n);
		ASSERT_EQ(c, cases[i].c);
		ASSERT_EQ(utf8_is_valid(cases[i].bytes), cases[i].n > 0);
		json_auto_t *j = json_string(cases[i].bytes);
		ASSERT_EQ(j != NULL, cases[i].n > 0); /* jansson agrees */
	}
	ASSERT_EQ(utf8_decode("\0", 1, &(uint32_t){ 7 }), 1);
	ASSERT(utf8_is_valid(""));
	ASSERT(utf8_is_valid("gr\xc3\xbc\xc3\x9f \xf0\x9f\x98\x80"));
	ASSERT(!utf8_is_valid("gr\xc3 "));
}
