/* A small image made by the real tools, judged by others: sgdisk, fsck.vfat, btrfs, mdir, our own
 * readers. */
#include "test.h"

#include "board.h"
#include "boot.h"
#include "btrfs.h"
#include "fat.h"
#include "gpt.h"
#include "image-assemble.h"
#include "image-map.h"
#include "spawn.h"
#include "tree.h"

#include <fcntl.h>
#include <sys/stat.h>

#define ROOT_UUID "0b0c0d0e-1111-4222-8333-444455556666"
#define BOOT_ID 0x1a2b3c4du
#define CLUSTER_ID "00112233445566778899aabbccddeeff"
#define EPOCH 1700000000

static struct board board = {
	.name = (char *)"m910q",
	.arch = (char *)"amd64",
	.boot_partition_type = (char *)"c12a7328-f81f-11d2-ba4b-00a0c93ec93b",
	.boot_partition_bytes = UINT64_C(1) << 30,
};

static void put(const char *path, const char *text, size_t len)
{
	FILE *f = fopen(path, "we");

	ASSERT(f);
	ASSERT_EQ(fwrite(text, 1, len, f), len);
	ASSERT_EQ(fclose(f), 0);
}

static void make_tree(void)
{
	struct timespec times[2] = { { .tv_sec = EPOCH }, { .tv_sec = EPOCH } };
	char *big = calloc(1, 3 << 20);
	unsigned int x = 1;

	ASSERT(big);
	for (size_t i = 0; i < 3 << 20; i++)
		big[i] = (char)((x = x * 1103515245 + 12345) >> 16);
	ASSERT_EQ(mkdir("tree", 0755), 0);
	ASSERT_EQ(mkdir("tree/@", 0755), 0);
	ASSERT_EQ(mkdir("tree/@home", 0755), 0);
	put("tree/@/hostname", "cow\n", 4);
	put("tree/@/big", big, 3 << 20);
	ASSERT_EQ(mkdir("boot", 0755), 0);
	ASSERT_EQ(mkdir("boot/EFI", 0755), 0);
	ASSERT_EQ(mkdir("boot/EFI/BOOT", 0755), 0);
	ASSERT_EQ(mkdir("boot/overlays", 0755), 0);
	put("boot/EFI/BOOT/BOOTX64.EFI", big, 100000);
	put("boot/config.txt", "kernel=x\n", 9);
	put("boot/a long name with spaces+plus.txt", "x", 1);
	put("boot/empty", "", 0);
	ASSERT_EQ(utimensat(AT_FDCWD, "boot/config.txt", times, 0), 0);
	free(big);
}

static void make_image(const char *name, struct layout *l, struct image_json *j)
{
	cleanup_tempfile struct tempfile *t = NULL;
	struct btrfs_make m = {
		.tree = "tree",
		.subvolumes = (const char *const[]){ "@", "@home", NULL },
		.uuid = ROOT_UUID,
		.device_uuid = "0b0c0d0e-1111-4222-8333-444455557777",
		.label = "kiln",
		.compress = "zstd:1",
	};
	struct image_assembly a = {
		.layout = l,
		.boot_dir = "boot",
		.boot_image = "boot.fat",
		.boot_id = BOOT_ID,
		.root_uuid = ROOT_UUID,
		.mtime_s = EPOCH,
		.target = name,
	};
	uint64_t bytes = 0;
	struct err err = { 0 };

	ASSERT_OK(btrfs_estimate("tree", &bytes, &err), &err);
	ASSERT(bytes > 3 << 20);
	ASSERT_OK(layout_plan(&board, bytes, l, &err), &err);
	ASSERT_OK(layout_name(l, CLUSTER_ID, "cow", &err), &err);
	ASSERT_OK(tempfile_new(name, &t, &err), &err);
	m.image = t->path;
	m.size_bytes = l->parts[LAYOUT_ROOT].size_bytes;
	ASSERT_OK(btrfs_make(&m, &err), &err);
	ASSERT_OK(image_boot_make(&a, &err), &err);
	ASSERT_OK(image_assemble(&a, &t, j, &err), &err);
	ASSERT_EQ(unlink("boot.fat"), 0);
	ASSERT_OK(tempfile_commit(t, name, 0644, &err), &err);
}

static int tool(const char *const *argv)
{
	struct err err = { 0 };
	cleanup_spawn struct spawn s = { .argv = argv, .timeout_ms = 60000, .out_max = 1 << 20 };
	int r = spawn_run(&s, &err);

	if (r < 0)
		fprintf(stderr, "# %s\n%s\n", err.msg, s.out ? s.out : "");
	return r;
}
#define TOOL(...) tool((const char *const[]){ __VA_ARGS__, NULL })

static void cut_out(const char *from, uint64_t at, uint64_t len, const char *to)
{
	char skip[64], count[64], in[64], out[64];

	(void)snprintf(in, sizeof(in), "if=%s", from);
	(void)snprintf(out, sizeof(out), "of=%s", to);
	(void)snprintf(skip, sizeof(skip), "skip=%llu", (unsigned long long)(at >> 20));
	(void)snprintf(count, sizeof(count), "count=%llu", (unsigned long long)(len >> 20));
	ASSERT_EQ(TOOL("dd", in, out, "bs=1M", "conv=sparse", skip, count), 0);
}

TEST(image_is_accepted_by_independent_tools)
{
	cleanup_image_json struct image_json j = { 0 };
	cleanup_close int fd = -EBADF;
	struct layout l;
	struct err err = { 0 };
	struct stat st;

	make_tree();
	make_image("cow.img", &l, &j);
	ASSERT_EQ(TOOL("sgdisk", "-v", "cow.img"), 0);
	cut_out("cow.img", l.parts[0].start_bytes, l.parts[0].size_bytes, "p1");
	cut_out("cow.img", l.parts[1].start_bytes, l.parts[1].size_bytes, "p2");
	ASSERT_EQ(TOOL("fsck.vfat", "-n", "p1"), 0);
	ASSERT_EQ(TOOL("btrfs", "check", "p2"), 0);
	fd = open("cow.img", O_RDWR | O_CLOEXEC);
	ASSERT(fd >= 0);
	ASSERT_EQ(fstat(fd, &st), 0);
	ASSERT_EQ(st.st_size, l.disk_bytes);
	ASSERT(st.st_blocks * 512 < 64 << 20); /* sparse: a 1 GiB FAT, a Btrfs with room */
	ASSERT_OK(image_verify(fd, "cow.img", &l, ROOT_UUID, BOOT_ID, &err), &err);
	ASSERT_OK(image_map_verify(fd, &j, &err), &err);
	/* a damaged byte inside a mapped range is found */
	const struct image_extent *e = &j.extents.items[j.extents.len / 2];
	char c;

	ASSERT_EQ(pread(fd, &c, 1, (off_t)e->offset_bytes), 1);
	c ^= 1;
	ASSERT_EQ(pwrite(fd, &c, 1, (off_t)e->offset_bytes), 1);
	ASSERT_EQ(image_map_verify(fd, &j, &err), -EBADMSG);
}

TEST(image_has_no_data_outside_of_its_map)
{
	cleanup_image_json struct image_json j = { 0 };
	cleanup_close int in = -EBADF;
	cleanup_close int out = -EBADF;
	struct layout l;
	char *buf = malloc(IMAGE_EXTENT_MAX_BYTES);
	struct err err = { 0 };

	make_tree();
	make_image("cow.img", &l, &j);
	/* a medium full of rubbish that gets the mapped ranges alone is a sound image */
	in = open("cow.img", O_RDONLY | O_CLOEXEC);
	out = open("disk", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	ASSERT(buf && in >= 0 && out >= 0);
	memset(buf, 0x5a, 1 << 20);
	for (uint64_t at = l.parts[1].start_bytes; at < l.disk_bytes; at += 1 << 20)
		ASSERT_EQ(pwrite(out, buf, 1 << 20, (off_t)at), 1 << 20);
	ASSERT_EQ(ftruncate(out, (off_t)l.disk_bytes), 0);
	for (size_t i = 0; i < j.extents.len; i++) {
		const struct image_extent *e = &j.extents.items[i];

		ASSERT(e->length_bytes <= IMAGE_EXTENT_MAX_BYTES && e->offset_bytes % 4096 == 0);
		ASSERT(i == 0 || e->offset_bytes >= e[-1].offset_bytes + e[-1].length_bytes);
		ASSERT_EQ(pread(in, buf, e->length_bytes, (off_t)e->offset_bytes), e->length_bytes);
		ASSERT_EQ(pwrite(out, buf, e->length_bytes, (off_t)e->offset_bytes),
			  e->length_bytes);
	}
	free(buf);
	ASSERT_OK(image_verify(out, "disk", &l, ROOT_UUID, BOOT_ID, &err), &err);
	ASSERT_EQ(TOOL("sgdisk", "-v", "disk"), 0);
	cut_out("disk", l.parts[1].start_bytes, l.parts[1].size_bytes, "p2");
	ASSERT_EQ(TOOL("btrfs", "check", "--check-data-csum", "p2"), 0);
	ASSERT_EQ(mkdir("restored", 0755), 0);
	ASSERT_EQ(TOOL("btrfs", "restore", "p2", "restored"), 0);
	ASSERT_EQ(TOOL("cmp", "tree/@/big", "restored/@/big"), 0);
}

TEST(fat_reader_agrees_with_what_was_copied)
{
	cleanup_image_json struct image_json j = { 0 };
	cleanup_fat struct fat f = { 0 };
	cleanup_free char *text = NULL;
	const struct fat_entry *e;
	struct layout l;
	size_t len = 0;
	struct err err = { 0 };
	int fd;

	make_tree();
	make_image("cow.img", &l, &j);
	fd = open("cow.img", O_RDONLY | O_CLOEXEC);
	ASSERT_OK(fat_open(fd, l.parts[0].start_bytes, &f, &err), &err);
	ASSERT_EQ(f.bits, 32);
	ASSERT_EQ(f.volume_id, BOOT_ID);
	ASSERT_STR(f.label, "KILN");
	ASSERT(f.clusters >= 65525);
	/* mkfs.vfat leaves what makes no whole track */
	ASSERT(f.size_bytes <= l.parts[0].size_bytes &&
	       l.parts[0].size_bytes - f.size_bytes < 65536);
	ASSERT_OK(fat_read(&f, "CONFIG.TXT", 100, &text, &len, &err), &err);
	ASSERT_STR(text, "kernel=x\n");
	e = fat_find(&f, "efi/boot/bootx64.efi");
	ASSERT(e);
	ASSERT_EQ(e->size_bytes, 100000);
	ASSERT_STR(e->path, "EFI/BOOT/BOOTX64.EFI");
	ASSERT(fat_find(&f, "a long name with spaces+plus.txt"));
	ASSERT_EQ(fat_find(&f, "empty")->size_bytes, 0);
	/* 2023-11-14 22:13:20 UTC, whatever the desk's time zone */
	ASSERT_EQ(fat_find(&f, "config.txt")->date, (2023 - 1980) << 9 | 11 << 5 | 14);
	ASSERT_EQ(fat_find(&f, "config.txt")->time, 22 << 11 | 13 << 5 | 20 / 2);
	ASSERT_EQ(fat_read(&f, "nothing", 100, &text, &len, &err), -ENOENT);
	ASSERT_STR(err.msg, "the boot partition has no 'nothing'");
	ASSERT_EQ(fat_read(&f, "EFI", 100, &text, &len, &err), -EISDIR);
	ASSERT_EQ(fat_read(&f, "config.txt", 5, &text, &len, &err), -EFBIG);
}

TEST(boot_partition_is_the_same_bytes_twice)
{
	cleanup_image_json struct image_json a = { 0 }, b = { 0 };
	struct layout l;

	make_tree();
	make_image("one.img", &l, &a);
	setenv("TZ", "Asia/Tokyo", 1);
	make_image("two.img", &l, &b);
	for (size_t i = 0;
	     i < a.extents.len && a.extents.items[i].offset_bytes < l.parts[1].start_bytes; i++) {
		ASSERT_EQ(a.extents.items[i].offset_bytes, b.extents.items[i].offset_bytes);
		ASSERT_STR(a.extents.items[i].sha256, b.extents.items[i].sha256);
	}
}

TEST(bmaptool_takes_the_block_map)
{
	cleanup_image_json struct image_json j = { 0 };
	cleanup_free char *text = NULL;
	struct layout l;
	size_t len = 0;
	struct err err = { 0 };

	make_tree();
	make_image("cow.img", &l, &j);
	ASSERT_OK(image_map_bmap(&j, &text, &len, &err), &err);
	put("cow.bmap", text, len);
	ASSERT_EQ(TOOL("bmaptool", "copy", "--bmap", "cow.bmap", "cow.img", "copy.img"), 0);
	ASSERT_EQ(TOOL("sgdisk", "-v", "copy.img"), 0);
}

TEST(layout_refuses_what_cannot_be)
{
	struct board b = board;
	struct layout l;
	struct err err = { 0 };

	b.boot_partition_bytes = 1 << 20;
	ASSERT_EQ(layout_plan(&b, 1 << 30, &l, &err), -ERANGE);
	ASSERT_STR(err.msg,
		   "board 'm910q': a boot partition has 64MiB to 64GiB, not 1048576 bytes");
	b = board;
	b.arch = (char *)"mips";
	ASSERT_EQ(layout_plan(&b, 1 << 30, &l, &err), -EINVAL);
	ASSERT_STR(err.msg, "board 'm910q': partition 'kiln-root': '' is no GUID");
	ASSERT_OK(layout_plan(&board, (1 << 30) + 1, &l, &err), &err);
	ASSERT_EQ(l.parts[1].start_bytes, (8 << 20) + (1 << 30));
	ASSERT_EQ(l.parts[1].size_bytes, (1 << 30) + (8 << 20));
	ASSERT_EQ(layout_name(&l, "12", "cow", &err), -EINVAL);
}
