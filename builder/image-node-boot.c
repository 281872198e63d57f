#include "image-node-boot.h"
#include "digest.h"
#include "fat-make.h"
#include "fat.h"
#include "file.h"
#include "seed-json.h"
#include "seed-read.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#define SEED_PATH_MAX (SEED_NAME_MAX + 8) /* below kiln/ */
#define FILE_MAX (1U << 20)

static struct fat_make fat_of(const struct image_node_boot *b)
{
	return (struct fat_make){
		.image = b->image->path,
		.start_bytes = b->part->start_bytes,
		.size_bytes = b->part->size_bytes,
		.mtime_s = b->mtime_s,
	};
}

static const char *seed_path(const struct image_node_boot *b, char dst[SEED_PATH_MAX])
{
	char file[SEED_NAME_MAX];

	(void)snprintf(dst, SEED_PATH_MAX, "kiln/%s", seed_file_name(b->seed, file));
	return dst;
}

uint64_t image_node_boot_baked_at(const char *path, const struct layout_part *part,
				  const char *digest)
{
	cleanup_close int fd = open(path, O_RDONLY | O_CLOEXEC);
	char name[SEED_PATH_MAX];
	cleanup_fat struct fat f = { 0 };
	cleanup_free char *tar = NULL;
	cleanup_seed_json struct seed_json j = { 0 };
	struct err ignored = { 0 };
	size_t len = 0;

	if (fd < 0)
		return 0;
	(void)snprintf(name, sizeof(name), "kiln/seed-%s.tar", digest);
	if (fat_open(fd, part->start_bytes, &f, &ignored) < 0 ||
	    fat_read(&f, name, SEED_BYTES_MAX, &tar, &len, &ignored) < 0)
		return 0;
	if (seed_read_json(tar, len, &j, &ignored) < 0)
		j.baked_at = 0;
	explicit_bzero(tar, len);
	return j.baked_at;
}

static int put_file(const struct image_node_boot *b, const char *name, const char *data, size_t len,
		    struct err *err)
{
	struct timespec times[2] = { { .tv_sec = (time_t)b->mtime_s },
				     { .tv_sec = (time_t)b->mtime_s } };
	struct fat_make m = fat_of(b);
	cleanup_tempfile struct tempfile *t = NULL;
	int r;

	r = tempfile_new(b->target, &t, err); /* 0600: a seed holds secrets */
	if (r < 0)
		return r;
	r = write_all(t->fd, data, len);
	if (r == 0)
		r = neg_errno(futimens(t->fd, times));
	if (r < 0)
		return err_errnof(err, r, "cannot write '%s'", t->path);
	return fat_add_file(&m, t->path, name, err);
}

static int put_files(const struct image_node_boot *b, const struct fat *f, struct err *err)
{
	for (size_t i = 0; i < b->files->len; i++) {
		const struct fileset_entry *e = &b->files->items[i];
		cleanup_free char *have = NULL;
		struct err ignored = { 0 };
		size_t len = 0;
		int r;

		if (fat_read(f, e->path + 1, FILE_MAX, &have, &len, &ignored) == 0 &&
		    len == e->len && memcmp(have, e->data, len) == 0)
			continue;
		r = put_file(b, e->path + 1, e->data, e->len, err);
		if (r < 0)
			return r;
	}
	return 0;
}

static int remove_other_seeds(const struct image_node_boot *b, const struct fat *f,
			      const char *keep, struct err *err)
{
	struct fat_make m = fat_of(b);

	for (size_t i = 0; i < f->len; i++) {
		const char *path = f->entries[i].path;
		int r;

		if (strncmp(path, "kiln/seed-", 10) != 0 || strcmp(path, keep) == 0)
			continue;
		r = fat_remove_file(&m, path, err);
		if (r < 0)
			return r;
	}
	return 0;
}

static int sync_image(const struct tempfile *t, struct err *err)
{
	int r = neg_errno(fsync(t->fd));

	return r < 0 ? err_errnof(err, r, "cannot sync '%s'", t->path) : 0;
}

int image_node_boot_fill(const struct image_node_boot *b, bool keep_one, struct err *err)
{
	cleanup_fat struct fat before = { 0 };
	char name[SEED_PATH_MAX];
	int r;

	(void)seed_path(b, name);
	r = fat_open(b->image->fd, b->part->start_bytes, &before, err);
	if (r == 0 && !fat_find(&before, name))
		r = put_file(b, name, b->seed->data, b->seed->len, err);
	if (r == 0)
		r = put_files(b, &before, err);
	if (r == 0 && keep_one)
		r = sync_image(b->image, err);
	if (r == 0)
		r = remove_other_seeds(b, &before, name, err);
	return r;
}

static int verify_seed(const struct image_node_boot *b, const struct fat *f, struct err *err)
{
	char name[SEED_PATH_MAX], hex[SHA256_HEX_MAX];
	cleanup_free char *seed = NULL;
	size_t len = 0;
	int r;

	r = fat_read(f, seed_path(b, name), SEED_BYTES_MAX, &seed, &len, err);
	if (r < 0)
		return r;
	(void)sha256_mem_hex(seed, len, hex);
	explicit_bzero(seed, len);
	if (strcmp(hex, b->seed->digest) != 0)
		return err_setf(err, -EBADMSG, "the seed reads back differently");
	return 0;
}

int image_node_boot_verify(const struct image_node_boot *b, struct err *err)
{
	cleanup_fat struct fat f = { 0 };
	size_t len = 0;
	int r;

	r = fat_open(b->image->fd, b->part->start_bytes, &f, err);
	if (r == 0)
		r = verify_seed(b, &f, err);
	for (size_t i = 0; r == 0 && i < b->files->len; i++) {
		const struct fileset_entry *e = &b->files->items[i];
		cleanup_free char *have = NULL;

		r = fat_read(&f, e->path + 1, FILE_MAX, &have, &len, err);
		if (r == 0 && (len != e->len || memcmp(have, e->data, len) != 0))
			r = err_setf(err, -EBADMSG, "'%s' reads back differently", e->path + 1);
	}
	return r;
}
