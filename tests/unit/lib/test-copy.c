#include "copy.h"
#include "file.h"
#include "fault.h"
#include "test.h"

#include <fcntl.h>
#include <sys/stat.h>

#define MIB (UINT64_C(1) << 20)

static int make(const char *name)
{
	int fd = open(name, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	ASSERT(fd >= 0);
	return fd;
}

TEST(copy_sparse_keeps_holes_contents_and_length)
{
	cleanup_close int src = make("src"), dst = make("dst");
	struct err err = { 0 };
	uint64_t data_bytes = 1;
	struct stat st;
	char got[8];

	ASSERT_EQ(pwrite_all(src, "head", 4, 0), 0);
	ASSERT_EQ(pwrite_all(src, "middle", 6, 20 * MIB + 7), 0);
	ASSERT_EQ(ftruncate(src, 50 * (off_t)MIB + 3), 0);
	ASSERT_OK(copy_sparse(src, dst, &data_bytes, &err), &err);
	ASSERT_EQ(fstat(dst, &st), 0);
	ASSERT_EQ(st.st_size, 50 * MIB + 3);
	ASSERT(st.st_blocks * 512 < (off_t)MIB);
	ASSERT(data_bytes < MIB);
	ASSERT_EQ(pread_upto(dst, got, 4, 0), 4);
	ASSERT_EQ(memcmp(got, "head", 4), 0);
	ASSERT_EQ(pread_upto(dst, got, 6, 20 * MIB + 7), 6);
	ASSERT_EQ(memcmp(got, "middle", 6), 0);
}

TEST(copy_range_moves_between_offsets_and_sees_a_short_source)
{
	cleanup_close int src = make("src"), dst = make("dst");
	struct err err = { 0 };
	char got[8];

	ASSERT_EQ(pwrite_all(src, "0123456789", 10, 0), 0);
	ASSERT_OK(copy_range(src, 3, dst, 100, 4, &err), &err);
	ASSERT_EQ(pread_upto(dst, got, 8, 100), 4);
	ASSERT_EQ(memcmp(got, "3456", 4), 0);
	ASSERT_EQ(copy_range(src, 8, dst, 0, 4, &err), -EIO);
	ASSERT_STR(err.msg, "the file that is copied became shorter");
}

TEST(copy_range_reads_what_the_kernel_will_not_copy)
{
	cleanup_close int src = open("/proc/self/status", O_RDONLY | O_CLOEXEC), dst = make("dst");
	struct err err = { 0 };
	char got[8];

	ASSERT(src >= 0);
	ASSERT_OK(copy_range(src, 0, dst, 0, 5, &err), &err);
	ASSERT_EQ(pread_upto(dst, got, 8, 0), 5);
	ASSERT_EQ(memcmp(got, "Name:", 5), 0);
}

TEST(copy_next_data_finds_the_ranges)
{
	cleanup_close int fd = make("f");
	struct err err = { 0 };
	uint64_t at = 0, len = 0;

	ASSERT_EQ(ftruncate(fd, 8 * (off_t)MIB), 0);
	ASSERT_EQ(copy_next_data(fd, 0, &at, &len, &err), 0);
	ASSERT_EQ(pwrite_all(fd, "x", 1, 4 * MIB), 0);
	ASSERT_EQ(copy_next_data(fd, 0, &at, &len, &err), 1);
	ASSERT_EQ(at, 4 * MIB);
	ASSERT(len >= 1 && len <= MIB);
	ASSERT_EQ(copy_next_data(fd, at + len, &at, &len, &err), 0);
	ASSERT_EQ(copy_next_data(fd, 100 * MIB, &at, &len, &err), 0);
}

TEST(copy_sparse_reports_every_fault)
{
	cleanup_close int src = make("src");
	struct err err = { 0 };
	int faults = 0;

	ASSERT_EQ(pwrite_all(src, "data", 4, 4 * MIB), 0);
	for (long n = 0;; n++) {
		cleanup_close int dst = make("dst");

		fault_arm(n);
		int r = copy_sparse(src, dst, NULL, &err);

		if (!fault_disarm()) {
			ASSERT_EQ(r, 0);
			break;
		}
		faults++;
		ASSERT_EQ(r, -EIO);
		ASSERT(strlen(err.msg) > 0);
	}
	struct stat st;

	ASSERT_EQ(stat("dst", &st), 0);
	ASSERT_EQ(st.st_size, 4 * MIB + 4);
	/* fstat, ftruncate, two seeks, copy_file_range, the last seek; none where the file is a
	 * reflink */
	ASSERT(faults == 6 || faults == 0);
}
