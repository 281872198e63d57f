/* Floats as Go writes them: encoding/json, and strconv.FormatFloat but for what is not finite. */
#include "yaml-float.h"
#include "test.h"

#include <math.h>

static const struct {
	double d;
	const char *value; /* encoding/json; NULL: it has none */
	const char *key;   /* strconv.FormatFloat(d, 'g', -1, 32) */
} cases[] = {
	{ 0, "0", "0" },
	{ -0.0, "-0", "-0" },
	{ 1, "1", "1" },
	{ 0.1, "0.1", "0.1" },
	{ -2.5, "-2.5", "-2.5" },
	{ 1.0 / 3, "0.3333333333333333", "0.33333334" },
	{ 123456, "123456", "123456" },
	{ 1234567, "1234567", "1.234567e+06" },
	{ 0.0001, "0.0001", "0.0001" },
	{ 0.00001, "0.00001", "1e-05" },
	{ 0.000001, "0.000001", "1e-06" },
	{ 0.0000001, "1e-7", "1e-07" },
	{ 123456789012345680000.0, "123456789012345680000", "1.2345679e+20" },
	{ 1e21, "1e+21", "1e+21" },
	{ 1.5e300, "1.5e+300", ".inf" },
	{ 5e-324, "5e-324", "0" },
	{ 1.7976931348623157e308, "1.7976931348623157e+308", ".inf" },
	{ INFINITY, NULL, ".inf" },
	{ -INFINITY, NULL, "-.inf" },
	{ NAN, NULL, ".nan" },
};

TEST(yaml_float_formats_as_go_does)
{
	char text[YAML_FLOAT_MAX];

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		if (cases[i].value) {
			yaml_float_format(cases[i].d, text);
			ASSERT_STR(text, cases[i].value);
		}
		yaml_float_key_format(cases[i].d, text);
		ASSERT_STR(text, cases[i].key);
	}
}
