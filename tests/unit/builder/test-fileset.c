#include "fileset.h"
#include "fault.h"
#include "test.h"

#include <string.h>
#include <sys/stat.h>

TEST(fileset_is_sorted_and_unique)
{
	cleanup_fileset struct fileset fs = { 0 };
	struct err err = { 0 };
	char name[32];

	for (int i = 0; i < 100; i++) {
		(void)snprintf(name, sizeof(name), "/etc/f%02d", (i * 37) % 100);
		ASSERT_OK(fileset_addf(&fs, name, 0644, 0, &err, "%d\n", i), &err);
	}
	ASSERT_EQ(fs.len, 100);
	for (size_t i = 1; i < fs.len; i++)
		ASSERT(strcmp(fs.items[i - 1].path, fs.items[i].path) < 0);
	ASSERT_STR(fileset_find(&fs, "/etc/f37")->data, "1\n");
	ASSERT(!fileset_find(&fs, "/etc/none"));
	ASSERT_EQ(fileset_addf(&fs, "/etc/f37", 0600, 0, &err, "x"), -EEXIST);
	ASSERT_STR(err.msg, "'/etc/f37' is there twice");
}

TEST(fileset_takes_plain_absolute_paths_alone)
{
	static const char *const bad[] = { "etc/x", "/etc/../x", "/", "/etc/", "//x", "" };
	cleanup_fileset struct fileset fs = { 0 };
	struct err err = { 0 };

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		ASSERT_EQ(fileset_addf(&fs, bad[i], 0644, 0, &err, "x"), -EINVAL);
	ASSERT_EQ(fs.len, 0);
}

static void put(const char *path, const char *text, mode_t mode)
{
	FILE *f = fopen(path, "w");

	ASSERT(f && fputs(text, f) >= 0 && fclose(f) == 0);
	ASSERT_EQ(chmod(path, mode), 0);
}

TEST(fileset_add_tree_takes_an_overlay)
{
	cleanup_fileset struct fileset fs = { 0 };
	struct err err = { 0 };

	ASSERT_EQ(mkdir("o", 0755) + mkdir("o/etc", 0755) + mkdir("o/etc/ssh", 0750), 0);
	put("o/etc/ssh/conf", "PermitRootLogin no\n", 0600);
	ASSERT_EQ(symlink("../run/x", "o/etc/link"), 0);
	ASSERT_OK(fileset_add_tree(&fs, "o", &err), &err);
	ASSERT_EQ(fs.len, 4);
	const struct fileset_entry *e = fileset_find(&fs, "/etc/ssh/conf");

	ASSERT(e && e->type == FILESET_FILE);
	ASSERT_EQ(e->mode, 0600);
	ASSERT_EQ(e->uid + e->gid, 0);
	ASSERT_STR(e->data, "PermitRootLogin no\n");
	e = fileset_find(&fs, "/etc/link");
	ASSERT(e && e->type == FILESET_SYMLINK);
	ASSERT_STR(e->data, "../run/x");
	ASSERT_EQ(fileset_find(&fs, "/etc/ssh")->mode, 0750);

	/* a second overlay may bring the same folders, not the same files */
	ASSERT_EQ(mkdir("p", 0755) + mkdir("p/etc", 0755), 0);
	put("p/etc/other", "x", 0644);
	ASSERT_OK(fileset_add_tree(&fs, "p", &err), &err);
	ASSERT_EQ(fileset_add_tree(&fs, "o", &err), -EEXIST);
	ASSERT_STR(err.msg, "overlay 'o': '/etc/link' is there twice");
	ASSERT_EQ(unlink("p/etc/other"), 0);
	ASSERT_EQ(mkfifo("p/fifo", 0644), 0);
	ASSERT_EQ(fileset_add_tree(&fs, "p", &err), -EINVAL);
	ASSERT_STR(err.msg, "overlay 'p': 'fifo' is neither file, folder nor symlink");
	ASSERT_EQ(fileset_add_tree(&fs, "none", &err), -ENOENT);
}

TEST(fileset_stays_whole_under_every_fault)
{
	int faults = 0;

	ASSERT_EQ(mkdir("o", 0755) + mkdir("o/etc", 0755), 0);
	put("o/etc/a", "1", 0644);
	ASSERT_EQ(symlink("a", "o/etc/b"), 0);
	for (long n = 0;; n++) {
		cleanup_fileset struct fileset fs = { 0 };
		struct err err = { 0 };

		ASSERT_OK(fileset_addf(&fs, "/x", 0644, 0, &err, "x"), &err);
		fault_arm(n);
		int r = fileset_add_tree(&fs, "o", &err);
		bool failed = fault_disarm();

		for (size_t i = 0; i < fs.len; i++)
			ASSERT(fs.items[i].path && fs.items[i].data);
		ASSERT(fileset_find(&fs, "/x"));
		ASSERT_EQ(r, failed ? err.code : 0);
		if (!failed) {
			ASSERT_EQ(fs.len, 4);
			break;
		}
		faults++;
		ASSERT(r == -EIO || r == -ENOMEM);
	}
	ASSERT(faults > 30);
}
