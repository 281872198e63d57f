#include "fault.h"
#include "gzip.h"
#include "spawn.h"
#include "test.h"

static int compress(void *arg, struct err *err)
{
	cleanup_free char *out = NULL;
	size_t len;
	int r = gzip_mem(arg, 100000, &out, &len, err);

	if (r >= 0)
		ASSERT(len > 18 && len < 10000 && memcmp(out, "\037\213\010", 3) == 0);
	return r;
}

TEST(gzip_under_every_fault)
{
	cleanup_free char *zeros = calloc(1, 100000);

	ASSERT_EQ(fault_loop(compress, fault_must_fail, zeros), 1);
}

TEST(gzip_is_what_gunzip_takes)
{
	struct spawn s = { .argv = (const char *const[]){ "gzip", "-dc", NULL },
			   .out_max = 1 << 20,
			   .timeout_ms = 60000 };
	cleanup_free char *out = NULL;
	struct err err = { 0 };
	size_t len;

	ASSERT_OK(gzip_mem("hello\n", 6, &out, &len, &err), &err);
	s.input = out;
	s.input_len = len;
	ASSERT_OK(spawn_run(&s, &err), &err);
	ASSERT_STR(s.out, "hello\n");
	spawn_done(&s);
}
