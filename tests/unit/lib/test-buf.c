#include "buf.h"
#include "fault.h"
#include "test.h"

TEST(buf_grows_and_stays_terminated)
{
	cleanup_buf struct buf b = BUF_INIT(1 << 16);

	for (int i = 0; i < 1000; i++)
		ASSERT_EQ(buf_addf(&b, "%d,", i % 10), 0);
	ASSERT_EQ(b.len, 2000);
	ASSERT_EQ(strlen(buf_str(&b)), 2000);
}

TEST(buf_keeps_its_maximum_and_its_first_error)
{
	cleanup_buf struct buf b = BUF_INIT(4);

	ASSERT_EQ(buf_adds(&b, "abcd"), 0);
	ASSERT_EQ(buf_addc(&b, 'e'), -E2BIG);
	ASSERT_EQ(buf_adds(&b, ""), -E2BIG);
	ASSERT_STR(buf_str(&b), "abcd");
	buf_clear(&b);
	ASSERT_EQ(buf_adds(&b, "x"), 0);
	ASSERT_STR(buf_str(&b), "x");
}

TEST(buf_steal_of_an_empty_buf_is_an_empty_string)
{
	cleanup_buf struct buf b = BUF_INIT(4);
	cleanup_free char *s = buf_steal(&b, NULL);

	ASSERT_STR(s, "");
	ASSERT(b.data == NULL);
}

static int grow(void *arg, struct err *err)
{
	cleanup_buf struct buf b = BUF_INIT(1 << 20);
	char *text;
	size_t len;

	(void)arg;
	for (int i = 0; i < 1000; i++)
		(void)buf_addf(&b, "line %d\n", i);
	if (buf_error(&b) < 0) {
		ASSERT_EQ(buf_adds(&b, "more"), buf_error(&b)); /* the first error stays */
		return err_errnof(err, buf_error(&b), "buf");
	}
	text = buf_steal(&b, &len);
	ASSERT_EQ(len, strlen(text));
	ASSERT(strstr(text, "line 0\n") == text && strstr(text, "\nline 999\n"));
	free(text);
	return 0;
}

TEST(buf_keeps_the_first_error_under_every_fault)
{
	ASSERT(fault_loop(grow, fault_must_fail, NULL) >= 5); /* its room doubles */
}
