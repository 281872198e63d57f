#include "image-assemble.h"
#include "btrfs.h"
#include "copy.h"
#include "fat-make.h"
#include "fat.h"
#include "gpt.h"
#include "image-map.h"
#include "parse.h"
#include "digest.h"
#include "file.h"
#include "userns.h"

#include <fcntl.h>
#include <linux/falloc.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

const char *boot_uuid_format(uint32_t id, char dst[10])
{
	(void)snprintf(dst, 10, "%04X-%04X", id >> 16, id & 0xffff);
	return dst;
}

int boot_uuid_parse(const char *text, uint32_t *ret)
{
	uint8_t b[4];
	char hex[9];

	if (strlen(text) != 9 || text[4] != '-')
		return -EINVAL;
	memcpy(hex, text, 4);
	memcpy(hex + 4, text + 5, 5);
	if (hex_decode(hex, b, sizeof(b)) < 0)
		return -EINVAL;
	*ret = (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
	return 0;
}

/* File systems without INSERT_RANGE: a second file, reflinked where that is possible. */
static int insert_by_copy(struct tempfile **file, const char *target, uint64_t len_bytes,
			  struct err *err)
{
	cleanup_tempfile struct tempfile *t = NULL;
	uint64_t at = 0, offset = 0, len = 0;
	struct stat st;
	int r;

	if (fstat((*file)->fd, &st) < 0)
		return err_errnof(err, -errno, "cannot look at '%s'", (*file)->path);
	r = tempfile_new(target, &t, err);
	if (r < 0)
		return r;
	r = neg_errno(ftruncate(t->fd, st.st_size + (off_t)len_bytes));
	if (r < 0)
		return err_errnof(err, r, "cannot size '%s'", t->path);
	while ((r = copy_next_data((*file)->fd, at, &offset, &len, err)) == 1) {
		r = copy_range((*file)->fd, offset, t->fd, len_bytes + offset, len, err);
		if (r < 0)
			return r;
		at = offset + len;
	}
	if (r < 0)
		return r;
	tempfile_free(*file);
	*file = TAKE_PTR(t);
	return 0;
}

int image_insert(struct tempfile **file, const char *target, uint64_t len_bytes, struct err *err)
{
	int r = neg_errno(fallocate((*file)->fd, FALLOC_FL_INSERT_RANGE, 0, (off_t)len_bytes));

	if (r == -EOPNOTSUPP || r == -ENOSYS || r == -EINVAL)
		return insert_by_copy(file, target, len_bytes, err);
	if (r < 0)
		return err_errnof(err, r, "cannot make room in '%s'", (*file)->path);
	return 0;
}

int image_boot_make(const struct image_assembly *a, struct err *err)
{
	const struct layout_part *p = &a->layout->parts[LAYOUT_BOOT];
	struct fat_make m = {
		.image = a->boot_image,
		.size_bytes = p->size_bytes,
		.disk_start_bytes = p->start_bytes,
		.volume_id = a->boot_id,
		.label = "KILN",
		.mtime_s = a->mtime_s,
	};
	cleanup_close int fd = neg_errno(
		open(a->boot_image, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
	int r = fd < 0 ? fd : neg_errno(ftruncate(fd, (off_t)p->size_bytes));

	if (r < 0)
		return err_errnof(err, r, "cannot create '%s'", a->boot_image);
	r = fat_make(&m, err);
	if (r == 0)
		r = fat_add_tree(&m, a->boot_dir, err);
	if (r == 0)
		r = fat_check(&m, err);
	return r;
}

/* The few MiB of the FAT that are no hole, into the room in front of root. */
static int put_boot(const struct image_assembly *a, const struct tempfile *file, struct err *err)
{
	cleanup_close int in = neg_errno(open(a->boot_image, O_RDONLY | O_CLOEXEC));
	uint64_t start = a->layout->parts[LAYOUT_BOOT].start_bytes, at = 0, offset = 0, len = 0;
	int r;

	if (in < 0)
		return err_errnof(err, in, "cannot open '%s'", a->boot_image);
	while ((r = copy_next_data(in, at, &offset, &len, err)) == 1) {
		r = copy_range(in, offset, file->fd, start + offset, len, err);
		if (r < 0)
			break;
		at = offset + len;
	}
	return r < 0 ? err_wrapf(err, r, "boot partition") : 0;
}

static int check_root_size(int fd, const struct layout_part *p, uint64_t start, struct err *err)
{
	uint64_t total = 0;
	int r;

	r = btrfs_total_bytes(fd, start, &total, err);
	if (r < 0)
		return r;
	if (total != p->size_bytes)
		return err_setf(err, -EBADMSG,
				"root's file system has %llu bytes, its partition %llu",
				(unsigned long long)total, (unsigned long long)p->size_bytes);
	return 0;
}

int image_verify(int fd, const char *path, const struct layout *l, const char *root_uuid,
		 uint32_t boot_id, struct err *err)
{
	const struct layout_part *boot = &l->parts[LAYOUT_BOOT], *root = &l->parts[LAYOUT_ROOT];
	struct gpt_probe on_boot = { 0 }, on_root = { 0 };
	struct gpt_table t = { 0 };
	char boot_uuid[10];
	struct stat st;
	int r;

	if (fstat(fd, &st) < 0)
		return err_errnof(err, -errno, "cannot look at '%s'", path);
	if ((uint64_t)st.st_size != l->disk_bytes)
		return err_setf(err, -EBADMSG, "'%s' has %lld bytes, not %llu", path,
				(long long)st.st_size, (unsigned long long)l->disk_bytes);
	r = gpt_read(fd, path, &t, err);
	if (r == 0)
		r = gpt_matches(&t, l, err);
	if (r == 0)
		r = gpt_probe(fd, boot->start_bytes, boot->size_bytes, &on_boot, err);
	if (r == 0)
		r = gpt_probe(fd, root->start_bytes, root->size_bytes, &on_root, err);
	if (r == 0)
		r = check_root_size(fd, root, root->start_bytes, err);
	if (r < 0)
		return err_wrapf(err, r, "image '%s' is not what was to be written", path);
	if (strcmp(on_boot.type, "vfat") != 0 ||
	    strcmp(on_boot.uuid, boot_uuid_format(boot_id, boot_uuid)) != 0)
		return err_setf(err, -EBADMSG, "image '%s': entry 1 holds '%s' %s, not vfat %s",
				path, on_boot.type, on_boot.uuid, boot_uuid);
	if (strcmp(on_root.type, "btrfs") != 0 || strcasecmp(on_root.uuid, root_uuid) != 0)
		return err_setf(err, -EBADMSG, "image '%s': entry 2 holds '%s' %s, not btrfs %s",
				path, on_root.type, on_root.uuid, root_uuid);
	return 0;
}

/* Every staged file must read back the same through our own FAT reader. */
static int verify_boot_files(const struct image_assembly *a, int fd, struct err *err)
{
	cleanup_fat struct fat f = { 0 };
	int r;

	r = fat_open(fd, a->layout->parts[LAYOUT_BOOT].start_bytes, &f, err);
	if (r < 0)
		return r;
	for (size_t i = 0; i < f.len; i++) {
		char want[SHA256_HEX_MAX], got[SHA256_HEX_MAX];
		cleanup_free char *data = NULL;
		cleanup_close int dir_fd = -EBADF;
		size_t len = 0;

		if (f.entries[i].is_dir)
			continue;
		dir_fd = neg_errno(open(a->boot_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
		if (dir_fd < 0)
			return err_errnof(err, dir_fd, "cannot open '%s'", a->boot_dir);
		r = sha256_file_at(dir_fd, f.entries[i].path, want, err);
		if (r == 0)
			r = fat_read(&f, f.entries[i].path, (size_t)1 << 30, &data, &len, err);
		if (r < 0)
			return r;
		if (strcmp(sha256_mem_hex(data, len, got), want) != 0)
			return err_setf(err, -EBADMSG,
					"'%s' on the boot partition reads back differently",
					f.entries[i].path);
	}
	return 0;
}

static int check_fn(void *image, struct err *err)
{
	return btrfs_check(image, err);
}

/* Other programs than mkfs.btrfs read root, two at a time, while it begins at 0 of the file. */
static int read_root(const struct image_assembly *a, const struct tempfile *file,
		     struct btrfs_range **ret, size_t *ret_len, struct err *err)
{
	cleanup_userns_job struct userns_job check = { 0 };
	int r;

	r = check_root_size(file->fd, &a->layout->parts[LAYOUT_ROOT], 0, err);
	if (r == 0)
		r = userns_start(check_fn, file->path, &check, err);
	if (r == 0)
		r = btrfs_used_ranges(file->path, ret, ret_len, err);
	return r == 0 ? userns_wait(&check, err) : r;
}

int image_assemble(const struct image_assembly *a, struct tempfile **file, struct image_json *ret,
		   struct err *err)
{
	const struct layout *l = a->layout;
	cleanup_free struct btrfs_range *used = NULL;
	size_t used_len = 0;
	int r;

	file_sync_begin((*file)->fd);
	r = read_root(a, *file, &used, &used_len, err);
	if (r == 0)
		r = image_insert(file, a->target, l->parts[LAYOUT_ROOT].start_bytes, err);
	if (r == 0)
		r = put_boot(a, *file, err);
	if (r < 0)
		return r;
	r = neg_errno(ftruncate((*file)->fd, (off_t)l->disk_bytes));
	if (r < 0)
		return err_errnof(err, r, "cannot size '%s'", (*file)->path);
	r = gpt_write((*file)->fd, (*file)->path, l, err);
	if (r < 0)
		return r;
	file_sync_begin((*file)->fd);
	r = image_verify((*file)->fd, (*file)->path, l, a->root_uuid, a->boot_id, err);
	if (r == 0)
		r = verify_boot_files(a, (*file)->fd, err);
	if (r == 0)
		r = image_map_base((*file)->fd, l, used, used_len, ret, err);
	return r;
}
