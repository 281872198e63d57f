/* mkfs-repro.so: equal trees, made at another time in another order, give the same Btrfs. */
#include "test.h"

#include "btrfs.h"
#include "datadir.h"
#include "digest.h"
#include "spawn.h"

#include <fcntl.h>
#include <sys/stat.h>

static void put(const char *dir, const char *name, const char *text)
{
	char path[256];
	FILE *f;

	(void)snprintf(path, sizeof(path), "%s/@/%s", dir, name);
	f = fopen(path, "we");
	ASSERT(f);
	ASSERT(fputs(text, f) >= 0);
	ASSERT_EQ(fclose(f), 0);
}

static void make_tree(const char *dir, bool backwards)
{
	char path[256];

	ASSERT_EQ(mkdir(dir, 0755), 0);
	(void)snprintf(path, sizeof(path), "%s/@", dir);
	ASSERT_EQ(mkdir(path, 0755), 0);
	for (int i = 0; i < 50; i++) {
		char name[32];

		(void)snprintf(name, sizeof(name), "file%02d", backwards ? 49 - i : i);
		put(dir, name, name);
	}
}

static void make_image(const char *dir, const char *image, const char *repro)
{
	struct err err = { 0 };
	struct btrfs_make m = {
		.tree = dir,
		.subvolumes = (const char *const[]){ "@", NULL },
		.image = image,
		.size_bytes = UINT64_C(256) << 20,
		.uuid = "0b0c0d0e-1111-4222-8333-444455556666",
		.device_uuid = "0b0c0d0e-1111-4222-8333-444455557777",
		.label = "kiln",
		.repro = repro,
		.mtime_s = 1700000000,
	};

	ASSERT_OK(btrfs_make(&m, &err), &err);
	ASSERT_OK(btrfs_check(image, &err), &err);
}

TEST(equal_trees_give_equal_bytes)
{
	cleanup_free char *repro = NULL;
	char a[SHA256_HEX_MAX], b[SHA256_HEX_MAX];
	struct err err = { 0 };

	if (datadir_path("mkfs-repro.so", &repro, &err) < 0)
		TEST_SKIP("%s", err.msg);
	make_tree("one", false);
	make_image("one", "one.img", repro);
	sleep(1);
	make_tree("two", true);
	make_image("two", "two.img", repro);
	ASSERT_OK(sha256_file_at(AT_FDCWD, "one.img", a, &err), &err);
	ASSERT_OK(sha256_file_at(AT_FDCWD, "two.img", b, &err), &err);
	ASSERT_STR(a, b);
	/* the same without it: what the preload is for */
	make_image("one", "three.img", NULL);
	ASSERT_OK(sha256_file_at(AT_FDCWD, "three.img", b, &err), &err);
	ASSERT(strcmp(a, b) != 0);
}

TEST(a_tree_that_does_not_fit_is_refused)
{
	struct err err = { 0 };
	struct btrfs_make m = {
		.tree = "one",
		.subvolumes = (const char *const[]){ "@", NULL },
		.image = "one.img",
		.size_bytes = UINT64_C(128) << 20,
		.uuid = "0b0c0d0e-1111-4222-8333-444455556666",
		.device_uuid = "0b0c0d0e-1111-4222-8333-444455557777",
		.label = "kiln",
	};
	int fd;

	make_tree("one", false);
	fd = open("one/@/big", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	ASSERT(fd >= 0);
	for (int i = 0; i < 256; i++) {
		static char block[1 << 20];

		for (size_t k = 0; k < sizeof(block); k++)
			block[k] =
				(char)(((unsigned int)i * 31 + (unsigned int)k * 2654435761u) >> 7);
		ASSERT_EQ(write(fd, block, sizeof(block)), sizeof(block));
	}
	ASSERT_EQ(btrfs_make(&m, &err), -ENOSPC);
}
