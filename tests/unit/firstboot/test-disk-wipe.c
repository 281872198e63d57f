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
