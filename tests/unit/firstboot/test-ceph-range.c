#include "ceph-range.h"

#include "bluestore.h"
#include "disk-image.h"
#include "fault.h"

#include <unistd.h>

/* Enough of a label to be looked at: what decodes comes from ceph-osd, in tests/disks. */
static void put_label(uint64_t at)
{
	static const char text[] = "bluestore block device\n6f9e2c7a-1d24-4a57-9a3f-5c1f0c6b7d10\n";
	int fd = open("disk", O_RDWR | O_CLOEXEC);

	ASSERT(fd >= 0);
	ASSERT_EQ(pwrite(fd, text, sizeof(text) - 1, (off_t)at), sizeof(text) - 1);
	ASSERT_EQ(close(fd), 0);
}

static int fd;
static struct sysdisk disk;

static void open_or_die(const char *table)
{
	struct err err = { 0 };

	make_disk("disk", 20 * GIB, table);
	ASSERT_OK(sysdisk_read("disk", 2, GUID, &disk, &err), &err);
	fd = open("disk", O_RDONLY | O_CLOEXEC);
	ASSERT(fd >= 0);
}

static struct ceph_scan scan(void)
{
	struct ceph_scan s = { 0 };
	struct err err = { 0 };

	for (int i = 0; i < 10000 && !s.finished; i++)
		ASSERT_OK(ceph_scan_some(fd, &disk, 20, &s, &err), &err);
	ASSERT(s.finished);
	return s;
}

TEST(ceph_scan_finds_nothing_on_a_blank_rest)
{
	struct ceph_scan s;

	open_or_die(BOOT_AND_ROOT);
	s = scan();
	ASSERT(!s.found);
	ASSERT_EQ(s.end, 20 * GIB - MIB);
}

TEST(ceph_scan_finds_a_label_at_any_whole_mib_behind_root)
{
	static const uint64_t places[] = { ROOT_END, ROOT_END + MIB, 9 * GIB, 20 * GIB - 2 * MIB };

	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		struct ceph_scan s;

		open_or_die(BOOT_AND_ROOT);
		put_label(places[i]);
		s = scan();
		ASSERT(s.found);
		ASSERT_EQ(s.at, places[i]);
		ASSERT_EQ(close(fd), 0);
	}
}

/* In root itself a label is a file's business, and behind the last MiB is the table. */
TEST(ceph_scan_looks_nowhere_else)
{
	open_or_die(BOOT_AND_ROOT);
	put_label(ROOT_END - MIB);
	put_label(20 * GIB - MIB);
	ASSERT(!scan().found);
}

TEST(ceph_range_of_a_blank_rest_is_blank_and_of_a_damaged_label_foreign)
{
	struct ceph_scan s;
	struct ceph_range range;
	struct probe_result found;
	struct err err = { 0 };

	open_or_die(BOOT_AND_ROOT);
	s = scan();
	ASSERT_OK(ceph_range_judge(fd, &disk, &s, 8 * GIB, NULL, &range, &found, &err), &err);
	ASSERT_EQ(found.verdict, PROBE_BLANK);
	ASSERT_EQ(range.start, ROOT_START + 8 * GIB);
	ASSERT_EQ(range.end, 20 * GIB - MIB);
	/* an OSD of before, where storage.root.size was another: the range follows it */
	put_label(5 * GIB);
	s = scan();
	ASSERT_OK(ceph_range_judge(fd, &disk, &s, 8 * GIB, NULL, &range, &found, &err), &err);
	ASSERT_EQ(found.verdict, PROBE_FOREIGN);
	ASSERT_EQ(range.start, 5 * GIB);
	ASSERT_EQ(range.end, 20 * GIB - MIB);
}

TEST(ceph_range_of_an_entry_that_is_there_is_that_entry)
{
	struct ceph_range range;
	struct probe_result found;
	struct ceph_scan s = { 0 };
	struct err err = { 0 };

	open_or_die(BOOT_AND_ROOT "start=20971520,size=2097152,uuid=" GUID "\n");
	ASSERT_OK(ceph_range_judge(fd, &disk, &s, 8 * GIB, NULL, &range, &found, &err), &err);
	ASSERT_EQ(range.start, 10 * GIB);
	ASSERT_EQ(range.end, 11 * GIB);
	/* a label beside another partition: nothing can be added there */
	open_or_die(BOOT_AND_ROOT "start=20971520,size=2097152\n");
	s = (struct ceph_scan){ .begun = true, .finished = true, .found = true, .at = 15 * GIB };
	ASSERT_EQ(ceph_range_judge(fd, &disk, &s, 8 * GIB, NULL, &range, &found, &err), -EEXIST);
}

/* A read that fails is no proof of a blank range: never accepted, and told. */
TEST(ceph_range_is_never_blank_when_a_call_failed)
{
	struct ceph_range range;
	struct probe_result found;
	struct err err = { 0 };
	long n = 0;

	open_or_die(BOOT_AND_ROOT);
	for (;; n++) {
		struct ceph_scan s = { .begun = true, .finished = true };
		int r;

		fault_arm(n);
		r = ceph_range_judge(fd, &disk, &s, 14 * GIB, NULL, &range, &found, &err);
		if (!fault_disarm())
			break;
		ASSERT(r < 0 || found.verdict == PROBE_FOREIGN);
	}
	ASSERT(n > 100); /* the places and the samples of the probe */
}
