#include "tree.h"
#include "fault.h"
#include "test.h"

#include <fcntl.h>

static void put(const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);

	ASSERT(fd >= 0);
	(void)close(fd);
}

static void make_tree(void)
{
	struct err err = { 0 };

	ASSERT_OK(tree_mkdirs_at(AT_FDCWD, "t/b/deep/er", 0755, &err), &err);
	ASSERT_OK(tree_mkdirs_at(AT_FDCWD, "t/a-dir/", 0755, &err), &err);
	put("t/b/file");
	put("t/B");
	put("t/a");
	ASSERT_EQ(symlink("/etc", "t/b/link"), 0);
}

TEST(tree_list_is_sorted_as_bytes)
{
	cleanup_name_list struct name_list l = { 0 };
	struct err err = { 0 };

	make_tree();
	ASSERT_OK(tree_list_at(AT_FDCWD, "t", &l, &err), &err);
	ASSERT_EQ(l.len, 4);
	ASSERT_STR(l.items[0], "B");
	ASSERT_STR(l.items[1], "a");
	ASSERT_STR(l.items[2], "a-dir");
	ASSERT_STR(l.items[3], "b");
	ASSERT_EQ(tree_list_at(AT_FDCWD, "t/B", &l, &err), -ENOTDIR);
	ASSERT_STR(err.msg, "cannot open folder 't/B': Not a directory");
}

static int note(void *arg, const struct tree_entry *e, struct err *err)
{
	char *seen = arg;

	if (strcmp(e->path, "stop") == 0)
		return err_setf(err, -ECANCELED, "stopped");
	(void)snprintf(seen + strlen(seen), 256 - strlen(seen), "%s%s ", e->path,
		       S_ISDIR(e->st->st_mode) ? "/" : "");
	return 0;
}

TEST(tree_walk_goes_down_in_order_and_follows_no_link)
{
	struct err err = { 0 };
	char seen[256] = "";

	make_tree();
	ASSERT_OK(tree_walk_at(AT_FDCWD, "t", note, seen, &err), &err);
	ASSERT_STR(seen, "B a a-dir/ b/ b/deep/ b/deep/er/ b/file b/link ");
	put("t/stop");
	ASSERT_EQ(tree_walk_at(AT_FDCWD, "t", note, seen, &err), -ECANCELED);
	ASSERT_STR(err.msg, "stopped");
}

TEST(tree_mkdirs_refuses_a_file_in_the_way)
{
	struct err err = { 0 };

	put("f");
	ASSERT_EQ(tree_mkdirs_at(AT_FDCWD, "f", 0755, &err), -ENOTDIR);
	ASSERT_EQ(tree_mkdirs_at(AT_FDCWD, "f/x", 0755, &err), -ENOTDIR);
	ASSERT_STR(err.msg, "cannot make folder 'f/x': Not a directory");
	ASSERT_OK(tree_mkdirs_at(AT_FDCWD, "a/b", 0700, &err), &err);
	ASSERT_OK(tree_mkdirs_at(AT_FDCWD, "a/b", 0700, &err), &err);
}

TEST(tree_remove_takes_all_and_leaves_what_links_lead_to)
{
	struct stat st;

	make_tree();
	put("outside");
	ASSERT_EQ(symlink("../outside", "t/out"), 0);
	ASSERT_EQ(chmod("t/b/deep", 0500), 0);
	for (int i = 0; i < 500; i++) { /* more than one getdents */
		char name[64];

		(void)snprintf(name, sizeof(name), "t/a-dir/some-rather-long-file-name-%d", i);
		put(name);
	}
	ASSERT_EQ(tree_remove_at(AT_FDCWD, "t"), 0);
	ASSERT_EQ(lstat("t", &st), -1);
	ASSERT_EQ(stat("outside", &st), 0);
	ASSERT_EQ(stat("/etc", &st), 0);
	ASSERT_EQ(tree_remove_at(AT_FDCWD, "t"), 0); /* nothing there */
	ASSERT_EQ(tree_remove_at(AT_FDCWD, "outside"), 0);
	ASSERT_EQ(stat("outside", &st), -1);
}

static int count(void *arg, const struct tree_entry *e, struct err *err)
{
	(void)e;
	(void)err;
	++*(int *)arg;
	return 0;
}

TEST(tree_walk_and_mkdirs_report_every_fault)
{
	int faults = 0, seen = 0;

	for (long n = 0;; n++) {
		struct err err = { 0 };

		seen = 0;
		fault_arm(n);
		int r = tree_mkdirs_at(AT_FDCWD, "t/a/b", 0755, &err);

		if (r >= 0)
			r = tree_walk_at(AT_FDCWD, "t", count, &seen, &err);
		bool failed = fault_disarm();

		ASSERT(failed ? r == -EIO || r == -ENOMEM : r == 0);
		ASSERT((err.msg[0] != '\0') == failed);
		ASSERT_EQ(tree_remove_at(AT_FDCWD, "t"), 0);
		if (!failed)
			break;
		faults++;
	}
	ASSERT_EQ(seen, 2);
	/* mkdirs: 3 mkdirat, fstatat. Walk: openat; 3 lists (openat, fdopendir, and readdir until
	 * the end: 3, 3, 2); for each of 2 names realloc, strdup, asprintf, fstatat, openat */
	ASSERT_EQ(faults, 4 + 1 + 3 * 2 + 4 + 4 + 3 + 2 * 5);
}
