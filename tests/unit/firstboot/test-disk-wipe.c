#include "disk-wipe.h"

#include "fault.h"
#include "probe.h"
#include "test.h"

#include <fcntl.h>

#define MIB ((off_t)1 << 20)
#define SIZE (3 * (off_t)1024 * MIB)
#define BEFORE (2 * MIB) /* of the range in the file, and behind it */

static void mark(int fd, off_t at)
{
	ASSERT_EQ(pwrite(fd, "somebody's", 10, at), 10);
}

static int make(void)
{
	int fd = open("disk", O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	ASSERT(fd >= 0);
	ASSERT_EQ(ftruncate(fd, SIZE + 2 * BEFORE), 0);
	mark(fd, BEFORE - 10);
	mark(fd, BEFORE + SIZE);
	mark(fd, BEFORE);
	mark(fd, BEFORE + 1024 * MIB + 4000);
	mark(fd, BEFORE + SIZE - 10);
	for (off_t at = BEFORE + 100 * MIB; at < BEFORE + 400 * MIB; at += 256 * 1024)
		mark(fd, at);
	return fd;
}

static void check_neighbours(int fd)
{
	char text[11] = "";

	ASSERT_EQ(pread(fd, text, 10, BEFORE - 10), 10);
	ASSERT_STR(text, "somebody's");
	ASSERT_EQ(pread(fd, text, 10, BEFORE + SIZE), 10);
	ASSERT_STR(text, "somebody's");
}

TEST(wipe_range_leaves_a_blank_range_and_its_neighbours)
{
	struct probe_result found;
	struct err err = { 0 };
	int fd = make();

	ASSERT_OK(wipe_range(fd, (uint64_t)BEFORE, (uint64_t)SIZE, NULL, &err), &err);
	ASSERT_OK(probe_range(fd, (uint64_t)BEFORE, (uint64_t)SIZE, NULL, &found, &err), &err);
	ASSERT_EQ(found.verdict, PROBE_BLANK);
	check_neighbours(fd);
}

TEST(wipe_range_tells_of_every_failed_call)
{
	struct err err = { 0 };
	long n = 0;

	for (;; n++) {
		int fd = make(), r;

		fault_arm(n);
		r = wipe_range(fd, (uint64_t)BEFORE, (uint64_t)SIZE, NULL, &err);
		check_neighbours(fd);
		(void)close(fd);
		if (!fault_disarm())
			break;
		if (r == 0) { /* a read that failed in the probe is a find, and was zeroed */
			struct probe_result found;

			fd = open("disk", O_RDONLY | O_CLOEXEC);
			ASSERT_OK(probe_range(fd, (uint64_t)BEFORE, (uint64_t)SIZE, NULL, &found,
					      &err),
				  &err);
			ASSERT_EQ(found.verdict, PROBE_BLANK);
			(void)close(fd);
		}
		if (n > 20) /* the rest are the probe's reads, hundreds a look */
			break;
	}
	ASSERT(n > 10);
}

TEST(wipe_is_granted_once_and_by_serial)
{
	char *asked[] = { (char *)(uintptr_t) "A B", (char *)(uintptr_t) "C" };
	struct json_strings list = { .items = asked, .len = 2 }, none = { 0 };
	struct journal *j = NULL;
	struct err err = { 0 };

	ASSERT_OK(journal_open(AT_FDCWD, "journal", &j, &err), &err);
	ASSERT_EQ(wipe_granted(j, &list, "A B"), WIPE_NEW);
	ASSERT_EQ(wipe_granted(j, &list, "A"), WIPE_NO);
	ASSERT_EQ(wipe_granted(j, &list, ""), WIPE_NO);
	ASSERT_OK(wipe_begin(j, "A B", &err), &err);
	journal_free(j);
	ASSERT_OK(journal_open(AT_FDCWD, "journal", &j, &err), &err);
	ASSERT_EQ(wipe_granted(j, &none, "A B"), WIPE_RESUME);
	ASSERT_OK(wipe_end(j, "A B", &err), &err);
	ASSERT_OK(wipe_begin(j, "C", &err), &err);
	ASSERT_OK(wipe_end(j, "C", &err), &err);
	for (int i = 0; i < 150; i++) { /* compacted: both are kept */
		char detail[3001];

		(void)snprintf(detail, sizeof(detail), "%0*d", 3000, i);
		ASSERT_OK(journal_add(j, "network", "wait", detail, &err), &err);
	}
	journal_free(j);
	ASSERT_OK(journal_open(AT_FDCWD, "journal", &j, &err), &err);
	ASSERT_EQ(wipe_granted(j, &list, "A B"), WIPE_NO);
	ASSERT_EQ(wipe_granted(j, &list, "C"), WIPE_NO);
	journal_free(j);
}

/* Serials that differ only in a byte that a name in the journal could not hold. */
TEST(wipe_of_one_disk_says_nothing_of_another)
{
	static const char *const serials[] = { "A B", "A_B", "A:B", "A  B", " AB", "A?B", "a b" };
	struct json_strings none = { 0 };
	struct journal *j = NULL;
	struct err err = { 0 };

	for (size_t i = 0; i < ARRAY_SIZE(serials); i++) {
		(void)unlink("journal");
		ASSERT_OK(journal_open(AT_FDCWD, "journal", &j, &err), &err);
		ASSERT_OK(wipe_begin(j, serials[i], &err), &err);
		for (int again = 0; again < 2; again++) { /* as written, and as read back */
			for (size_t k = 0; k < ARRAY_SIZE(serials); k++)
				ASSERT_EQ(wipe_granted(j, &none, serials[k]),
					  k == i ? WIPE_RESUME : WIPE_NO);
			journal_free(j);
			ASSERT_OK(journal_open(AT_FDCWD, "journal", &j, &err), &err);
		}
		ASSERT_OK(wipe_end(j, serials[i], &err), &err);
		journal_free(j);
		ASSERT_OK(journal_open(AT_FDCWD, "journal", &j, &err), &err);
		for (size_t k = 0; k < ARRAY_SIZE(serials); k++) {
			char *asked[] = { (char *)(uintptr_t)serials[k] };
			struct json_strings list = { .items = asked, .len = 1 };

			ASSERT_EQ(wipe_granted(j, &list, serials[k]), k == i ? WIPE_NO : WIPE_NEW);
		}
		journal_free(j);
	}
}

/* The journal would give these back as another text, or cut: no disk is wiped by them. */
TEST(wipe_needs_a_serial_that_the_journal_keeps_exactly)
{
	char too_long[WIPE_SERIAL_MAX + 2], longest[WIPE_SERIAL_MAX + 1];
	const char *const bad[] = { "",
				    "A\tB",
				    "A\nB",
				    "A\x7f"
				    "B",
				    "A\xc3\xa9",
				    too_long };
	struct journal *j = NULL;
	struct err err = { 0 };

	memset(too_long, 'x', sizeof(too_long) - 1);
	too_long[sizeof(too_long) - 1] = '\0';
	memset(longest, 'x', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	ASSERT_OK(journal_open(AT_FDCWD, "journal", &j, &err), &err);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		char *asked[] = { (char *)(uintptr_t)bad[i] };
		struct json_strings list = { .items = asked, .len = 1 };

		ASSERT_EQ(wipe_granted(j, &list, bad[i]), WIPE_NO);
		ASSERT_EQ(wipe_begin(j, bad[i], &err), -EINVAL);
		ASSERT_EQ(wipe_end(j, bad[i], &err), -EINVAL);
	}
	ASSERT_EQ(journal_len(j), 0);
	ASSERT_OK(wipe_begin(j, longest, &err), &err);
	journal_free(j);
	ASSERT_OK(journal_open(AT_FDCWD, "journal", &j, &err), &err);
	ASSERT_EQ(wipe_granted(j, &(struct json_strings){ 0 }, longest), WIPE_RESUME);
	journal_free(j);
}
