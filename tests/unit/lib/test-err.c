#include "err.h"
#include "test.h"

TEST(err_wrapf_puts_the_context_before_the_text)
{
	struct err err = { 0 };

	ASSERT_EQ(err_errnof(&err, -ENOENT, "cannot open '%s'", "a"), -ENOENT);
	ASSERT_EQ(err_wrapf(&err, -ENOENT, "board '%s'", "rpi5"), -ENOENT);
	ASSERT_STR(err.msg, "board 'rpi5': cannot open 'a': No such file or directory");
	ASSERT_EQ(err.code, -ENOENT);
}

TEST(err_cuts_a_text_that_does_not_fit)
{
	char big[2 * ERR_TEXT_MAX];
	struct err err = { 0 };

	memset(big, 'x', sizeof(big) - 1);
	big[sizeof(big) - 1] = '\0';
	err_setf(&err, -EINVAL, "%s", big);
	ASSERT_EQ(strlen(err.msg), ERR_TEXT_MAX - 1);
	err_wrapf(&err, -EINVAL, "context");
	ASSERT_EQ(strncmp(err.msg, "context: xxx", 12), 0);
}
