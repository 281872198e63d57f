#include "sysdisk.h"

#include "disk-image.h"

#include <signal.h>
#include <sys/resource.h>

static struct sysdisk read_or_die(const char *guid)
{
	struct sysdisk d;
	struct err err = { 0 };

	ASSERT_OK(sysdisk_read("disk", 2, guid, &d, &err), &err);
	return d;
}

TEST(sysdisk_read_tells_root_and_what_is_free)
{
	struct sysdisk d;

	make_disk("disk", 20 * GIB, BOOT_AND_ROOT);
	d = read_or_die(GUID);
	ASSERT_EQ(d.size_bytes, 20 * GIB);
	ASSERT_EQ(d.root_start, ROOT_START);
	ASSERT_EQ(d.root_end, ROOT_END);
	ASSERT_EQ(d.next_start, 0);
	ASSERT(!d.has_ceph);
	ASSERT_EQ(d.free_end, 20 * GIB - MIB);
}

TEST(sysdisk_read_finds_cephs_entry_by_its_guid_alone)
{
	struct sysdisk d;

	make_disk("disk", 20 * GIB,
		  BOOT_AND_ROOT "start=20971520,size=2097152,uuid=" GUID
				"\nstart=25165824,size=2048\n");
	d = read_or_die(GUID);
	ASSERT(d.has_ceph);
	ASSERT_EQ(d.ceph_start, 10 * GIB);
	ASSERT_EQ(d.ceph_end, 11 * GIB);
	ASSERT_EQ(d.next_start, 10 * GIB);
	ASSERT_EQ(d.next_number, 3);
	d = read_or_die("00000000-8a06-87b7-ae0a-edf9a32f7324");
	ASSERT(!d.has_ceph);
	ASSERT_EQ(d.next_start, 10 * GIB);
	ASSERT(!read_or_die(NULL).has_ceph);
}

TEST(sysdisk_read_refuses_what_is_no_system_disk)
{
	struct sysdisk d = { .size_bytes = 7 };
	struct err err = { 0 };

	make_disk("disk", 20 * GIB, "label: dos\nstart=2048,size=204800\nstart=206848,size=2048\n");
	ASSERT_EQ(sysdisk_read("disk", 2, NULL, &d, &err), -EINVAL);
	ASSERT_STR(err.msg, "'disk' has no GPT");
	make_disk("disk", 20 * GIB, "label: gpt\nstart=2048,size=204800\n");
	ASSERT_EQ(sysdisk_read("disk", 2, NULL, &d, &err), -ENOENT);
	ASSERT_STR(err.msg, "'disk' has no partition 2");
	ASSERT_EQ(sysdisk_read("none", 2, NULL, &d, &err), -ENOENT);
	ASSERT_EQ(d.size_bytes, 7); /* nothing was returned */
}

TEST(sysdisk_ceph_range_is_behind_root_at_its_full_size)
{
	uint64_t start, end;
	struct err err = { 0 };
	struct sysdisk d;

	make_disk("disk", 20 * GIB, BOOT_AND_ROOT);
	d = read_or_die(NULL);
	ASSERT_OK(sysdisk_ceph_range(&d, 8 * GIB, &start, &end, &err), &err);
	ASSERT_EQ(start, ROOT_START + 8 * GIB);
	ASSERT_EQ(end, 20 * GIB - MIB);
	/* root is larger than it is to be: Ceph's part begins behind it all the same */
	ASSERT_OK(sysdisk_ceph_range(&d, 1, &start, &end, &err), &err);
	ASSERT_EQ(start, ROOT_END);
	ASSERT_EQ(sysdisk_ceph_range(&d, 15 * GIB, &start, &end, &err), -ENOSPC);
	ASSERT(strstr(err.msg, "4.9 GiB of the disk to Ceph, which needs 5 GiB"));
	ASSERT_EQ(sysdisk_ceph_range(&d, UINT64_MAX, &start, &end, &err), -ERANGE);
	ASSERT_EQ(sysdisk_ceph_range(&d, UINT64_MAX - ROOT_START - 5, &start, &end, &err), -ERANGE);
	d.next_start = 10 * GIB;
	d.next_number = 3;
	ASSERT_EQ(sysdisk_ceph_range(&d, 8 * GIB, &start, &end, &err), -EEXIST);
	ASSERT(strstr(err.msg, "partition 3 is behind root"));
}

TEST(sysdisk_add_ceph_refuses_a_range_that_is_taken)
{
	struct err err = { 0 };
	static const uint64_t bad[][2] = {
		{ ROOT_START, ROOT_END }, { ROOT_END - MIB, ROOT_END + 6 * GIB },
		{ 10 * GIB, 10 * GIB },	  { 10 * GIB, 9 * GIB },
		{ 0, 20 * GIB - MIB },
	};

	make_disk("disk", 20 * GIB, BOOT_AND_ROOT);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		ASSERT_EQ(sysdisk_add_ceph("disk", GUID, "ceph-osd", bad[i][0], bad[i][1], &err),
			  -EEXIST);
		ASSERT(!read_or_die(GUID).has_ceph);
	}
}

/*
 * libfdisk's own calls cannot be failed here; a file that may not grow or be written can. Root's
 * entry is as it was, and Ceph's is not there.
 */
TEST(sysdisk_add_ceph_on_a_read_only_disk_changes_nothing)
{
	struct err err = { 0 };
	struct sysdisk d;

	make_disk("disk", 20 * GIB, BOOT_AND_ROOT);
	ASSERT_EQ(signal(SIGXFSZ, SIG_IGN) == SIG_ERR, 0);
	ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &(struct rlimit){ 4096, 4096 }), 0);
	ASSERT(sysdisk_add_ceph("disk", GUID, "ceph-osd", 10 * GIB, 20 * GIB - MIB, &err) < 0);
	ASSERT(err.msg[0]);
	d = read_or_die(GUID);
	ASSERT_EQ(d.root_start, ROOT_START);
	ASSERT_EQ(d.root_end, ROOT_END);
	ASSERT(!d.has_ceph);
}

TEST(sysdisk_add_ceph_adds_the_entry_and_nothing_else)
{
	struct err err = { 0 };
	struct sysdisk d;

	make_disk("disk", 20 * GIB, BOOT_AND_ROOT);
	ASSERT_OK(sysdisk_add_ceph("disk", GUID, "ceph-osd", 10 * GIB, 20 * GIB - MIB, &err), &err);
	d = read_or_die(GUID);
	ASSERT(d.has_ceph);
	ASSERT_EQ(d.ceph_start, 10 * GIB);
	ASSERT_EQ(d.ceph_end, 20 * GIB - MIB);
	ASSERT_EQ(d.root_end, ROOT_END);
	ASSERT_EQ(d.next_number, 3);
}
