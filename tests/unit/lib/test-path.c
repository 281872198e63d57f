#include "path.h"
#include "fault.h"
#include "test.h"

#include <fcntl.h>
#include <sys/stat.h>

TEST(path_is_clean_takes_absolute_plain_paths)
{
	static const struct {
		const char *path;
		bool clean;
	} cases[] = {
		{ "/etc/hostname", true },
		{ "/a", true },
		{ "/a/.b", true },
		{ "/a/..b", true },
		{ "/a/b..", true },
		{ "/", false },
		{ "", false },
		{ "etc", false },
		{ "//etc", false },
		{ "/etc/", false },
		{ "/etc//x", false },
		{ "/etc/./x", false },
		{ "/etc/../x", false },
		{ "/..", false },
		{ "/etc/.", false },
		{ "/a\nb", false },
		{ "/a\x7f", false },
		{ "/\xc3\xa9", true },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		if (path_is_clean(cases[i].path) != cases[i].clean)
			test_fail(__FILE__, __LINE__, "path '%s'", cases[i].path);
}

TEST(path_join_puts_one_slash)
{
	static const struct {
		const char *a, *b, *want;
	} cases[] = { { "a", "b", "a/b" },
		      { "a/", "/b", "a/b" },
		      { "/", "b", "/b" },
		      { "/a//", "b/c", "/a/b/c" } };

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		cleanup_free char *s = path_join(cases[i].a, cases[i].b);

		ASSERT_STR(s, cases[i].want);
	}
}

static int make_root(void)
{
	int fd;

	ASSERT_EQ(mkdir("root", 0755), 0);
	ASSERT_EQ(mkdir("root/etc", 0755), 0);
	ASSERT_EQ(mkdir("outside", 0755), 0);
	ASSERT_EQ(symlink("../outside", "root/up"), 0);
	ASSERT_EQ(symlink("/etc", "root/abs"), 0);
	ASSERT_EQ(symlink("nowhere", "root/dangling"), 0);
	ASSERT_EQ(symlink("loop", "root/loop"), 0);
	fd = open("root", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	ASSERT(fd >= 0);
	return fd;
}

TEST(path_open_stays_beneath_its_root)
{
	cleanup_close int root = make_root();
	struct err err = { 0 };
	struct stat st;
	int fd;

	/* an absolute link leads to the root's own /etc */
	fd = path_open(root, "/abs/new", O_WRONLY | O_CREAT | O_EXCL, 0600, &err);
	ASSERT_OK(fd, &err);
	ASSERT(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	(void)close(fd);
	ASSERT_EQ(stat("root/etc/new", &st), 0);
	/* "..", in links too, ends at the root */
	ASSERT_EQ(path_open(root, "up/x", O_WRONLY | O_CREAT, 0600, &err), -ENOENT);
	ASSERT_STR(err.msg, "cannot open 'up/x': No such file or directory");
	fd = path_open(root, "../../etc/new", O_RDONLY, 0, &err);
	ASSERT_OK(fd, &err);
	(void)close(fd);
	ASSERT_EQ(path_open(root, "loop", O_RDONLY, 0, &err), -ELOOP);
}

TEST(path_mkdirs_makes_parts_beneath_the_root)
{
	cleanup_close int root = make_root();
	struct err err = { 0 };
	const char *name;
	struct stat st;
	int fd;

	umask(077);
	fd = path_mkdirs(root, "/abs/ssh/sshd.d", 0755, &err);
	ASSERT_OK(fd, &err);
	(void)close(fd);
	ASSERT_EQ(stat("root/etc/ssh/sshd.d", &st), 0);
	ASSERT_EQ(st.st_mode & 07777, 0755);
	ASSERT_EQ(stat("root/etc/ssh", &st), 0);
	ASSERT_EQ(st.st_mode & 07777, 0755);
	ASSERT_EQ(path_mkdirs(root, "dangling/x", 0755, &err), -ENOTDIR);
	ASSERT_STR(err.msg, "cannot make folder 'dangling/x': Not a directory");
	fd = path_open_parent(root, "var/lib/kiln/journal", 0755, &name, &err);
	ASSERT_OK(fd, &err);
	ASSERT_STR(name, "journal");
	(void)close(fd);
	ASSERT_EQ(stat("root/var/lib/kiln", &st), 0);
	ASSERT_EQ(path_open_parent(root, "/var/..", 0755, &name, &err), -EINVAL);
	ASSERT_EQ(path_open_parent(root, "/var/", 0755, &name, &err), -EINVAL);
}

TEST(path_mkdirs_reports_every_fault)
{
	struct err err = { 0 };
	int faults = 0;

	ASSERT_EQ(mkdir("r", 0755), 0);
	for (long n = 0;; n++) {
		cleanup_close int root = open("r", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

		ASSERT(root >= 0);
		fault_arm(n);
		int fd = path_mkdirs(root, "a/b", 0750, &err);
		bool failed = fault_disarm();

		ASSERT(failed ? fd == -EIO : fd >= 0);
		if (fd >= 0)
			(void)close(fd);
		(void)rmdir("r/a/b");
		(void)rmdir("r/a");
		if (!failed)
			break;
		faults++;
	}
	/* openat2 of a/b, a, the root; then for a and b each mkdirat, openat2, fchmod */
	ASSERT_EQ(faults, 9);
}
