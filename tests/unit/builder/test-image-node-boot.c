/* A node's own files on the FAT of an image, by the real mkfs.vfat and mtools; mdir is the judge.
 */
#include "test.h"

#include "fat-make.h"
#include "image-node-boot.h"
#include "spawn.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#define FAT_START (UINT64_C(1) << 20)
#define FAT_BYTES (UINT64_C(64) << 20)
#define EPOCH 1700000000

static struct err err;
static struct layout_part part = { .start_bytes = FAT_START, .size_bytes = FAT_BYTES };

static struct seed seed_of(const char *text)
{
	struct seed s = { .data = (char *)text, .len = strlen(text) };

	(void)sha256_mem_hex(text, s.len, s.digest);
	return s;
}

static struct tempfile *new_image(void)
{
	struct tempfile *t = NULL;

	ASSERT_OK(tempfile_new("image", &t, &err), &err);
	ASSERT_EQ(ftruncate(t->fd, (off_t)(FAT_START + FAT_BYTES)), 0);
	struct fat_make m = { .image = t->path,
			      .start_bytes = FAT_START,
			      .size_bytes = FAT_BYTES,
			      .disk_start_bytes = FAT_START,
			      .volume_id = 1,
			      .label = "BOOT",
			      .mtime_s = EPOCH };

	ASSERT_OK(fat_make(&m, &err), &err);
	ASSERT_EQ(mkdir("tree", 0755), 0);
	ASSERT_EQ(mkdir("tree/kiln", 0755), 0);
	ASSERT_OK(fat_add_tree(&m, "tree", &err), &err);
	return t;
}

static struct image_node_boot boot_of(const struct tempfile *t, const struct seed *s,
				      const struct fileset *files)
{
	return (struct image_node_boot){ .image = t,
					 .target = "image",
					 .part = &part,
					 .seed = s,
					 .files = files,
					 .mtime_s = EPOCH };
}

/* Is kiln/seed-<digest>.tar there, and how many seeds are? By mdir. */
static size_t seeds(const struct tempfile *t, const struct seed *s, bool *ret_there)
{
	char image[4200], name[SEED_NAME_MAX];
	cleanup_spawn struct spawn run = {
		.argv = (const char *const[]){ "mdir", "-b", "-i", image, "::/kiln", NULL },
		.out_max = 65536,
		.timeout_ms = 60000,
	};
	size_t n = 0;

	(void)snprintf(image, sizeof(image), "%s@@1M", t->path);
	ASSERT_OK(spawn_run(&run, &err), &err);
	for (const char *p = run.out; (p = strstr(p, "seed-")); p++)
		n++;
	*ret_there = strstr(run.out, seed_file_name(s, name)) != NULL;
	return n;
}

TEST(image_node_boot_has_one_seed_and_the_files)
{
	struct seed one = seed_of("the first"), two = seed_of("the second");
	cleanup_tempfile struct tempfile *t = new_image();
	cleanup_fileset struct fileset files = { 0 };
	struct image_node_boot b = boot_of(t, &one, &files);
	bool there = false;

	ASSERT_OK(fileset_addf(&files, "/node.txt", 0644, 0, &err, "cow\n"), &err);
	ASSERT_OK(image_node_boot_fill(&b, false, &err), &err);
	ASSERT_OK(image_node_boot_verify(&b, &err), &err);
	ASSERT_EQ(seeds(t, &one, &there), 1);
	ASSERT(there);
	b.seed = &two;
	ASSERT_EQ(image_node_boot_verify(&b, &err), -ENOENT);
	ASSERT_OK(image_node_boot_fill(&b, true, &err), &err);
	ASSERT_OK(image_node_boot_verify(&b, &err), &err);
	ASSERT_EQ(seeds(t, &two, &there), 1);
	ASSERT(there);
}

TEST(image_node_boot_notices_what_reads_back_differently)
{
	struct seed s = seed_of("a seed"), other = seed_of("a feed");
	cleanup_tempfile struct tempfile *t = new_image();
	cleanup_fileset struct fileset files = { 0 }, changed = { 0 };
	struct image_node_boot b = boot_of(t, &s, &files);

	ASSERT_OK(fileset_addf(&files, "/node.txt", 0644, 0, &err, "cow\n"), &err);
	ASSERT_OK(fileset_addf(&changed, "/node.txt", 0644, 0, &err, "hen\n"), &err);
	ASSERT_OK(image_node_boot_fill(&b, false, &err), &err);
	b.files = &changed;
	ASSERT_EQ(image_node_boot_verify(&b, &err), -EBADMSG);
	ASSERT_STR(err.msg, "'node.txt' reads back differently");
	/* a changed file is put in again */
	ASSERT_OK(image_node_boot_fill(&b, false, &err), &err);
	ASSERT_OK(image_node_boot_verify(&b, &err), &err);
	/* under the right name, with other contents */
	memcpy(other.digest, s.digest, sizeof(s.digest));
	s.data = other.data;
	b.image = NULL;
	tempfile_free(TAKE_PTR(t));
	ASSERT_EQ(rmdir("tree/kiln") + rmdir("tree"), 0);
	t = new_image();
	b.image = t;
	ASSERT_OK(image_node_boot_fill(&b, false, &err), &err);
	ASSERT_EQ(image_node_boot_verify(&b, &err), -EBADMSG);
	ASSERT_STR(err.msg, "the seed reads back differently");
}

TEST(image_node_boot_knows_no_time_of_a_seed_that_is_none)
{
	struct seed s = seed_of("no tar");
	cleanup_tempfile struct tempfile *t = new_image();
	struct fileset none = { 0 };
	struct image_node_boot b = boot_of(t, &s, &none);

	ASSERT_OK(image_node_boot_fill(&b, false, &err), &err);
	ASSERT_EQ(image_node_boot_baked_at(t->path, &part, s.digest), 0);
	ASSERT_EQ(image_node_boot_baked_at(t->path, &part, "00"), 0);
	ASSERT_EQ(image_node_boot_baked_at("nowhere", &part, s.digest), 0);
}
