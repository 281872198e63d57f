#include "rootfs.h"
#include "test.h"

#include <fcntl.h>

static struct rootfs make(void)
{
	struct rootfs t;
	struct err err = { 0 };

	ASSERT_OK(rootfs_init(&t, ".", &err), &err);
	return t;
}

static void link_to(struct rootfs *t, const char *path, const char *to)
{
	struct err err = { 0 };

	ASSERT_OK(rootfs_set_link(rootfs_add(t, path), to, &err), &err);
}

TEST(rootfs_resolves_parents_as_dpkg_does)
{
	static const struct {
		const char *path, *result;
	} cases[] = {
		{ "lib/x", "usr/lib/x" },
		{ "lib", "lib" }, /* the last part stays */
		{ "usr/lib/x", "usr/lib/x" },
		{ "abs/y/z", "usr/lib/y/z" },
		{ "up/x", "x" }, /* above the root is the root */
		{ "none/at/all", "none/at/all" },
		{ "a//b/", "a/b" },
		{ "", "" },
	};
	cleanup_rootfs struct rootfs t = make();
	char dst[ROOTFS_PATH_MAX];
	struct err err = { 0 };

	link_to(&t, "lib", "usr/lib");
	link_to(&t, "abs", "/usr/lib");
	link_to(&t, "up", "../../..");
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		ASSERT_OK(rootfs_resolve(&t, cases[i].path, dst, &err), &err);
		ASSERT_STR(dst, cases[i].result);
	}
	link_to(&t, "loop", "loop");
	ASSERT_EQ(rootfs_resolve(&t, "loop/x", dst, &err), -ELOOP);
	ASSERT_STR(err.msg, "too many links in 'loop/x'");
}

TEST(rootfs_keeps_all_through_a_tar)
{
	cleanup_rootfs struct rootfs t = make(), back = make();
	cleanup_close int fd = open("t.tar", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	struct err err = { 0 };
	struct rootfs_node *n;
	char *data;

	ASSERT_OK(rootfs_put_file(&t, "usr/bin/su", 04755, "program", 7, &err), &err);
	n = rootfs_add(&t, "usr/bin/other");
	rootfs_set_hardlink(&t, n, rootfs_find(&t, "usr/bin/su"));
	n = rootfs_find(&t, "usr/bin/su");
	n->uid = 70000;
	n->gid = 3;
	n->mtime_s = 5000;
	ASSERT_EQ(rootfs_set_xattr(n, "security.capability", "\1\0\0\2", 4), 0);
	link_to(&t, "lib", "usr/lib");
	ASSERT_OK(rootfs_put_file(&t, "usr/empty", 0600, "", 0, &err), &err);
	ASSERT_OK(rootfs_put_file(&t, "usr.d", 0600, "x", 1, &err), &err);
	ASSERT_OK(rootfs_write_tar(&t, fd, 1000, &err), &err);
	ASSERT_OK(rootfs_read_tar(&back, fd, &err), &err);

	n = rootfs_find(&back, "usr/bin/other"); /* sorted first: it carries the contents */
	ASSERT(n && n->hard && n->hard == rootfs_find(&back, "usr/bin/su")->hard);
	n = rootfs_find(&back, "usr/bin/su");
	ASSERT_EQ(n->mode, S_IFREG | 04755);
	ASSERT_EQ(n->mtime_s, 1000);
	ASSERT_OK(rootfs_read(n, &data, NULL, &err), &err);
	ASSERT_STR(data, "program");
	free(data);
	ASSERT_STR(rootfs_find(&back, "lib")->link, "usr/lib");
	ASSERT_EQ(rootfs_find(&back, "usr/empty")->size_bytes, 0);
	ASSERT_EQ(rootfs_find(&back, "usr.d")->size_bytes, 1);
}

TEST(rootfs_finds_text_across_blocks)
{
	cleanup_rootfs struct rootfs t = make();
	static char big[200000];
	struct err err = { 0 };
	bool found;

	memset(big, 'a', sizeof(big));
	for (size_t at = 65530; at < 65545; at++) {
		memcpy(big + at, "needle", 6);
		ASSERT_OK(rootfs_put_file(&t, "f", 0600, big, sizeof(big), &err), &err);
		ASSERT_OK(rootfs_contains(rootfs_find(&t, "f"), "needle", &found, &err), &err);
		ASSERT(found);
		ASSERT_OK(rootfs_contains(rootfs_find(&t, "f"), "needles", &found, &err), &err);
		ASSERT(!found);
		memset(big + at, 'a', 6);
	}
}

TEST(rootfs_gone_nodes_come_back_empty)
{
	cleanup_rootfs struct rootfs t = make();
	struct err err = { 0 };

	ASSERT_OK(rootfs_put_file(&t, "a/b/c", 0600, "x", 1, &err), &err);
	ASSERT_EQ(rootfs_remove_below(&t, "a/b", true), 2);
	ASSERT(!rootfs_find(&t, "a/b/c"));
	ASSERT(rootfs_find(&t, "a"));
	ASSERT_EQ(rootfs_add(&t, "a/b/c")->size_bytes, 0);
}

TEST(rootfs_refuses_what_is_no_tar)
{
	cleanup_rootfs struct rootfs t = make();
	cleanup_close int fd = open("x", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	struct err err = { 0 };

	ASSERT_EQ(write(fd, "this is not a tar archive at all", 32), 32);
	ASSERT(rootfs_read_tar(&t, fd, &err) < 0);
	ASSERT(strstr(err.msg, "cannot read the root's archive"));
}
