#include "file.h"
#include "fault.h"
#include "test.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

static void slurp(const char *name, char *dst, size_t size)
{
	FILE *f = fopen(name, "r");
	size_t n;

	ASSERT(f != NULL);
	n = fread(dst, 1, size - 1, f);
	dst[n] = '\0';
	(void)fclose(f);
}

static int count_entries(const char *dir)
{
	DIR *d = opendir(dir);
	int n = 0;

	ASSERT(d != NULL);
	while (readdir(d))
		n++;
	(void)closedir(d);
	return n - 2;
}

TEST(file_read_at_keeps_its_maximum)
{
	cleanup_free char *text = NULL;
	struct err err = { 0 };
	size_t len = 0;

	ASSERT_OK(file_replace_at(AT_FDCWD, "f", "12345", 5, 0600, &err), &err);
	ASSERT_OK(file_read_at(AT_FDCWD, "f", 5, &text, &len, &err), &err);
	ASSERT_EQ(len, 5);
	ASSERT_STR(text, "12345");
	free(TAKE_PTR(text));
	ASSERT_EQ(file_read_at(AT_FDCWD, "f", 4, &text, &len, &err), -EFBIG);
	ASSERT_STR(err.msg, "'f' is larger than 4 bytes");
	ASSERT_EQ(file_read_at(AT_FDCWD, "none", 4, &text, &len, &err), -ENOENT);
	ASSERT_EQ(file_read_at(AT_FDCWD, ".", 4, &text, &len, &err), -EISDIR);
	ASSERT_STR(err.msg, "cannot read '.': Is a directory");
	ASSERT(text == NULL);
	/* no size known beforehand */
	ASSERT_OK(file_read_at(AT_FDCWD, "/proc/self/status", 1 << 16, &text, &len, &err), &err);
	ASSERT(strstr(text, "VmPeak:") && len == strlen(text));
	free(TAKE_PTR(text));
	ASSERT_EQ(file_read_at(AT_FDCWD, "/dev/zero", 10000, &text, &len, &err), -EFBIG);
}

TEST(file_replace_at_sets_contents_and_mode)
{
	struct err err = { 0 };
	struct stat st;
	char got[64];

	umask(077);
	ASSERT_EQ(mkdir("d", 0755), 0);
	ASSERT_OK(file_replace_at(AT_FDCWD, "d/f", "one", 3, 0644, &err), &err);
	ASSERT_OK(file_replace_at(AT_FDCWD, "d/f", "two!", 4, 0640, &err), &err);
	slurp("d/f", got, sizeof(got));
	ASSERT_STR(got, "two!");
	ASSERT_EQ(stat("d/f", &st), 0);
	ASSERT_EQ(st.st_mode & 07777, 0640);
	ASSERT_EQ(count_entries("d"), 1);
	ASSERT_EQ(file_replace_at(AT_FDCWD, "none/f", "x", 1, 0644, &err), -ENOENT);
	ASSERT_STR(err.msg, "cannot replace 'none/f': its folder: No such file or directory");
}

TEST(file_create_at_never_overwrites)
{
	struct err err = { 0 };
	char got[64];
	bool there;

	ASSERT_OK(file_exists_at(AT_FDCWD, "key", &there, &err), &err);
	ASSERT(!there);
	ASSERT_OK(file_create_at(AT_FDCWD, "key", "first", 5, 0600, &err), &err);
	ASSERT_EQ(file_create_at(AT_FDCWD, "key", "second", 6, 0600, &err), -EEXIST);
	ASSERT_STR(err.msg, "cannot create 'key': File exists");
	slurp("key", got, sizeof(got));
	ASSERT_STR(got, "first");
	ASSERT_EQ(count_entries("."), 1);
	ASSERT_OK(file_exists_at(AT_FDCWD, "key", &there, &err), &err);
	ASSERT(there);
	ASSERT_OK(file_exists_at(AT_FDCWD, "key/below", &there, &err), &err);
	ASSERT(!there);
	ASSERT_EQ(symlink("nowhere", "dangling"), 0);
	ASSERT_EQ(file_create_at(AT_FDCWD, "dangling", "x", 1, 0600, &err), -EEXIST);
}

TEST(read_and_write_at_offsets)
{
	cleanup_close int fd = open("f", O_RDWR | O_CREAT | O_CLOEXEC, 0644);
	char got[8] = "";

	ASSERT_EQ(pwrite_all(fd, "abc", 3, 4096), 0);
	ASSERT_EQ(pread_upto(fd, got, 8, 4094), 5);
	ASSERT_EQ(memcmp(got, "\0\0abc", 5), 0);
	ASSERT_EQ(pread_upto(fd, got, 8, 10000), 0);
	ASSERT_EQ(pread_upto(-1, got, 8, 0), -EBADF);
	ASSERT_EQ(write_all(-1, got, 8), -EBADF);
}

/* Fails every call in turn; the file must hold the old or the new, and nothing may lie beside it.
 */
TEST(file_replace_keeps_old_or_new_under_every_fault)
{
	struct err err = { 0 };
	int faults = 0;
	char got[64];

	ASSERT_EQ(mkdir("d", 0755), 0);
	for (long n = 0;; n++) {
		ASSERT_OK(file_replace_at(AT_FDCWD, "d/state", "old", 3, 0644, &err), &err);
		fault_arm(n);
		int r = file_replace_at(AT_FDCWD, "d/state", "new", 3, 0644, &err);
		bool failed = fault_disarm();

		slurp("d/state", got, sizeof(got));
		ASSERT_EQ(count_entries("d"), 1);
		if (!failed) {
			ASSERT_EQ(r, 0);
			ASSERT_STR(got, "new");
			break;
		}
		faults++;
		ASSERT_EQ(r, -EIO);
		if (strcmp(got, "new") != 0)
			ASSERT_STR(got, "old");
	}
	ASSERT_EQ(faults, 7); /* openat of folder and file, write, fchmod, fsync, renameat, fsync of
				 the folder */
}

TEST(file_replace_is_not_stopped_by_what_a_cut_left)
{
	static const char *const yes[] = { ".state.512-0.tmp", ".a.b.1-99.tmp", ".x.1-1.tmp" };
	static const char *const no[] = { "state.512-0.tmp",   ".state.tmp", ".1-1.tmp",
					  ".state.512-0.tmpx", "..tmp",	     ".state.a-1.tmp" };
	struct err err = { 0 };
	char name[64], got[64];

	for (size_t i = 0; i < ARRAY_SIZE(yes); i++)
		ASSERT(file_is_temp(yes[i]));
	for (size_t i = 0; i < ARRAY_SIZE(no); i++)
		ASSERT(!file_is_temp(no[i]));
	ASSERT_EQ(mkdir("d", 0755), 0);
	for (int i = 0; i < 50; i++) { /* of a process that had our number */
		(void)snprintf(name, sizeof(name), "d/.state.%ld-%d.tmp", (long)getpid(), i);
		ASSERT_EQ(close(creat(name, 0600)), 0);
	}
	ASSERT_OK(file_replace_at(AT_FDCWD, "d/state", "new", 3, 0644, &err), &err);
	slurp("d/state", got, sizeof(got));
	ASSERT_STR(got, "new");
	ASSERT_EQ(count_entries("d"), 51);
}

TEST(file_create_makes_all_or_nothing_under_every_fault)
{
	struct err err = { 0 };
	int faults = 0;
	char got[64];

	ASSERT_EQ(mkdir("d", 0755), 0);
	for (long n = 0;; n++) {
		fault_arm(n);
		int r = file_create_at(AT_FDCWD, "d/key", "secret", 6, 0600, &err);
		bool failed = fault_disarm();

		ASSERT_EQ(r, failed ? -EIO : 0);
		if (count_entries("d") == 1) {
			slurp("d/key", got, sizeof(got));
			ASSERT_STR(got, "secret");
			ASSERT_EQ(unlink("d/key"), 0);
		}
		ASSERT_EQ(count_entries("d"), 0);
		if (!failed)
			break;
		faults++;
	}
	ASSERT_EQ(faults, 7);
}

TEST(file_read_frees_and_reports_under_every_fault)
{
	struct err err = { 0 };
	int faults = 0;

	ASSERT_OK(file_replace_at(AT_FDCWD, "f", "0123456789", 10, 0644, &err), &err);
	for (long n = 0;; n++) {
		cleanup_free char *text = NULL;

		fault_arm(n);
		int r = file_read_at(AT_FDCWD, "f", 100, &text, NULL, &err);

		if (!fault_disarm()) {
			ASSERT_EQ(r, 0);
			ASSERT_STR(text, "0123456789");
			break;
		}
		faults++;
		ASSERT(r == -EIO || r == -ENOMEM);
		ASSERT(text == NULL);
	}
	ASSERT_EQ(faults, 5); /* openat, fstat, realloc, read, read at the end */
}
