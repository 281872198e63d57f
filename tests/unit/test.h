/*
 * test - unit tests that register themselves; output is TAP
 *
 *	TEST(size_parse_takes_units)
 *	{
 *		ASSERT_EQ(size_parse("1KiB", &n), 0);
 *	}
 *
 * Each test runs in a child process with a fresh folder as its working directory
 * and a fixed environment; a crash or a failed assertion fails that test alone.
 * Asserts print both values. TEST_SKIP("reason") counts as skipped, loudly.
 * The fault loop (fault.h): fault_arm(n) lets n wrapped calls pass and fails the
 * next one.
 */
#pragma once

#include "err.h"

#include <inttypes.h>
#include <stdbool.h>
#include <string.h>

struct test {
	const char *name;
	void (*fn)(void);
	struct test *next;
};
void test_register(struct test *t);
_Noreturn void test_fail(const char *file, int line, const char *fmt, ...) PRINTF_LIKE(3, 4);
_Noreturn void test_skip(const char *fmt, ...) PRINTF_LIKE(1, 2);
/* Folder of the source tree (tests/unit/… are below it). */
const char *test_srcdir(void);

#define TEST(name_)                                                       \
	static void test_##name_(void);                                   \
	static struct test test_entry_##name_ = { #name_, test_##name_, 0 }; \
	__attribute__((constructor)) static void test_add_##name_(void)   \
	{                                                                 \
		test_register(&test_entry_##name_);                       \
	}                                                                 \
	static void test_##name_(void)

#define ASSERT(cond)                                                      \
	do {                                                              \
		if (!(cond))                                              \
			test_fail(__FILE__, __LINE__, "not true: %s", #cond); \
	} while (0)
#define ASSERT_EQ(a, b)                                                         \
	do {                                                                    \
		intmax_t a_ = (intmax_t)(a), b_ = (intmax_t)(b);                \
		if (a_ != b_)                                                   \
			test_fail(__FILE__, __LINE__, "%s is %jd, not %jd", #a, a_, b_); \
	} while (0)
#define ASSERT_STR(a, b)                                                            \
	do {                                                                        \
		const char *a_ = (a), *b_ = (b);                                    \
		if (!a_ || !b_ || strcmp(a_, b_) != 0)                              \
			test_fail(__FILE__, __LINE__, "%s is:\n%s\nnot:\n%s", #a,    \
				  a_ ? a_ : "(null)", b_ ? b_ : "(null)");          \
	} while (0)
#define ASSERT_OK(call, err)                                                          \
	do {                                                                          \
		int r_ = (call);                                                      \
		if (r_ < 0)                                                           \
			test_fail(__FILE__, __LINE__, "%s: %s (%d)", #call, (err)->msg, r_); \
	} while (0)
#define TEST_SKIP(...) test_skip(__VA_ARGS__)
