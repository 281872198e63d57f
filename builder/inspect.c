#include "inspect.h"
#include "digest.h"
#include "image.h"
#include "seed-read.h"
#include "seed.h"

#include <fcntl.h>
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>

void inspection_done(struct inspection *i)
{
	free(i->path);
	close_fdp(&i->fd);
	fat_done(&i->fat);
	free(i->digests);
	base_json_done(&i->base);
	boot_read_done(&i->start);
	free(i->seed.file);
	seed_json_done(&i->seed.json);
	image_json_done(&i->description);
	for (size_t k = 0; k < i->problems_len; k++)
		free(i->problems[k]);
	*i = (struct inspection){ .fd = -EBADF };
}

int inspection_problemf(struct inspection *i, const char *fmt, ...)
{
	va_list ap;
	int n;

	if (i->problems_len == INSPECT_PROBLEMS_MAX)
		return -E2BIG;
	va_start(ap, fmt);
	n = vasprintf(&i->problems[i->problems_len], fmt, ap);
	va_end(ap);
	if (n < 0)
		return -ENOMEM;
	i->problems_len++;
	return 0;
}

static void read_base(struct inspection *i)
{
	cleanup_free char *text = NULL;
	struct err why = { 0 };
	size_t len = 0;

	if (fat_read(&i->fat, "kiln/base.json", BASE_JSON_MAX, &text, &len, &why) < 0 ||
	    base_json_parse(text, len, &i->base, &why) < 0)
		(void)inspection_problemf(i, "%s", why.msg);
	else
		i->has_base = true;
}

static void read_start(struct inspection *i)
{
	struct err why = { 0 };

	i->kind = fat_find(&i->fat, "config.txt") ? BOOT_RPI : BOOT_UEFI;
	if (boot_read_fat(&i->fat, i->kind, &i->start, &why) < 0)
		(void)inspection_problemf(i, "%s", why.msg);
	else
		i->has_start = true;
}

static void read_seed(struct inspection *i, const struct fat_entry *e)
{
	struct inspect_seed *s = &i->seed;
	cleanup_free char *tar = NULL;
	char hex[SHA256_HEX_MAX];
	struct err why = { 0 };
	size_t len = 0;

	if (s->file) {
		(void)inspection_problemf(i, "a second seed: '%s'", e->path);
		return;
	}
	s->file = strdup(e->path);
	s->size_bytes = e->size_bytes;
	if (fat_read(&i->fat, e->path, SEED_BYTES_MAX, &tar, &len, &why) < 0) {
		(void)inspection_problemf(i, "%s", why.msg);
		return;
	}
	(void)sha256_mem_hex(tar, len, hex);
	s->digest_right = strlen(e->path) == 10 + 64 + 4 && strncmp(e->path + 10, hex, 64) == 0;
	if (!s->digest_right)
		(void)inspection_problemf(i, "the seed's digest is %s, not what its name says",
					  hex);
	if (seed_read_json(tar, len, &s->json, &why) < 0)
		(void)inspection_problemf(i, "%s", why.msg);
	explicit_bzero(tar, len);
}

static int digest_files(struct inspection *i, struct err *err)
{
	i->digests = calloc(i->fat.len + 1, sizeof(*i->digests));
	if (!i->digests)
		return err_nomem(err);
	for (size_t k = 0; k < i->fat.len; k++) {
		const struct fat_entry *e = &i->fat.entries[k];
		cleanup_free char *data = NULL;
		struct err why = { 0 };
		size_t len = 0;

		if (e->is_dir)
			continue;
		if (fat_read(&i->fat, e->path, (size_t)1 << 30, &data, &len, &why) < 0) {
			(void)inspection_problemf(i, "%s", why.msg);
			continue;
		}
		(void)sha256_mem_hex(data, len, i->digests[k]);
		if (strncmp(e->path, "kiln/seed-", 10) == 0)
			explicit_bzero(data, len);
	}
	return 0;
}

static void read_description(struct inspection *i)
{
	size_t len = strlen(i->path);
	cleanup_free char *path = NULL;
	struct err why = { 0 };

	if (len < 5 || strcmp(i->path + len - 4, IMAGE_SUFFIX) != 0 ||
	    asprintf(&path, "%.*s" IMAGE_JSON_SUFFIX, (int)len - 4, i->path) < 0)
		return;
	if (access(path, F_OK) < 0)
		return;
	if (image_json_load(path, &i->description, &why) < 0)
		(void)inspection_problemf(i, "%s", why.msg);
	else
		i->has_description = true;
}

static int read_parts(struct inspection *i, struct err *err)
{
	struct err why = { 0 };
	int r;

	for (size_t k = 0; k < i->gpt.len; k++)
		if (gpt_probe(i->fd, i->gpt.parts[k].start_bytes, i->gpt.parts[k].size_bytes,
			      &i->probes[k], &why) < 0)
			(void)inspection_problemf(i, "%s", why.msg);
	if (i->gpt.len == 0 || fat_open(i->fd, i->gpt.parts[0].start_bytes, &i->fat, &why) < 0) {
		(void)inspection_problemf(i, "entry 1: %s", i->gpt.len ? why.msg : "missing");
		return 0;
	}
	i->has_fat = true;
	r = digest_files(i, err);
	if (r < 0)
		return r;
	read_base(i);
	read_start(i);
	for (size_t k = 0; k < i->fat.len; k++)
		if (strncmp(i->fat.entries[k].path, "kiln/seed-", 10) == 0)
			read_seed(i, &i->fat.entries[k]);
	return 0;
}

static int inspect(struct inspection *i, const char *path, struct err *err)
{
	struct stat st;
	int r;

	i->path = strdup(path);
	if (!i->path)
		return err_nomem(err);
	i->fd = neg_errno(open(path, O_RDONLY | O_CLOEXEC));
	if (i->fd < 0)
		return err_errnof(err, i->fd, "cannot open '%s'", path);
	if (fstat(i->fd, &st) < 0)
		return err_errnof(err, -errno, "cannot look at '%s'", path);
	i->size_bytes = (uint64_t)st.st_size;
	i->data_bytes = (uint64_t)st.st_blocks * 512;
	r = gpt_read(i->fd, path, &i->gpt, err);
	if (r == 0)
		r = read_parts(i, err);
	if (r == 0)
		read_description(i);
	return r;
}

int inspect_image(const char *path, struct inspection *ret, struct err *err)
{
	cleanup_inspection struct inspection i = { .fd = -EBADF };
	int r = inspect(&i, path, err);

	if (r < 0)
		return r;
	*ret = i;
	i = (struct inspection){ .fd = -EBADF };
	return 0;
}
