#include "base64.h"
#include "fault.h"
#include "test.h"

TEST(base64_of_rfc4648)
{
	static const struct {
		const char *plain, *text;
	} cases[] = {
		{ "", "" },
		{ "f", "Zg==" },
		{ "fo", "Zm8=" },
		{ "foo", "Zm9v" },
		{ "foob", "Zm9vYg==" },
		{ "fooba", "Zm9vYmE=" },
		{ "foobar", "Zm9vYmFy" },
		{ "\xff\xfe\xfd", "//79" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		cleanup_free char *text = base64_encode(cases[i].plain, strlen(cases[i].plain)),
				  *back = NULL;
		size_t len = 0;

		ASSERT_STR(text, cases[i].text);
		ASSERT_EQ(base64_decode(text, &back, &len), 0);
		ASSERT_EQ(len, strlen(cases[i].plain));
		ASSERT_STR(back, cases[i].plain);
	}
}

TEST(base64_decode_is_strict)
{
	static const char *const bad[] = { "Z",	       "Zg",	 "Zg=",	 "Zg===",     "Zh==",
					   "Zm9=",     "Zm9v\n", " Zm9", "Zm9v Zm9v", "=m9v",
					   "Zg==Zg==", "Z===",	 "====", "Zm9*",      "Zm-_" };
	cleanup_free char *back = NULL;
	size_t len;

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		if (base64_decode(bad[i], &back, &len) != -EINVAL)
			test_fail(__FILE__, __LINE__, "'%s' was taken", bad[i]);
	ASSERT(back == NULL);
}

static int there_and_back(void *arg, struct err *err)
{
	cleanup_free char *text = base64_encode(arg, strlen(arg)), *back = NULL;
	size_t len = 0;
	int r = text ? base64_decode(text, &back, &len) : -ENOMEM;

	if (r == 0)
		ASSERT_STR(back, arg);
	return r < 0 ? err_errnof(err, r, "base64") : 0;
}

TEST(base64_without_memory)
{
	char plain[] = "some bytes";

	ASSERT_EQ(fault_loop(there_and_back, fault_must_fail, plain), 2);
}
