/* Files by their paths, and where on the image they lie. */
#include "fat-internal.h"
#include "file.h"

#include <string.h>
#include <strings.h>

const struct fat_entry *fat_find(const struct fat *f, const char *path)
{
	for (size_t i = 0; i < f->len; i++)
		if (strcasecmp(f->entries[i].path, path) == 0)
			return &f->entries[i];
	return NULL;
}

int fat_file_ranges(const struct fat *f, const struct fat_entry *e, struct fat_range **ret,
		    size_t *ret_len, struct err *err)
{
	cleanup_free struct fat_range *ranges = NULL;
	uint64_t left = e->size_bytes;
	uint32_t n = 0;
	size_t len = 0;
	int r;

	if (left > 0) {
		r = fat_chain_length(f, e->first_cluster, &n, err);
		if (r < 0)
			return err_wrapf(err, r, "'%s'", e->path);
	}
	if ((uint64_t)n * f->cluster_bytes < left) {
		r = fat_fail(err, "fewer clusters than its size needs");
		return err_wrapf(err, r, "'%s'", e->path);
	}
	ranges = calloc((size_t)n + 1, sizeof(*ranges));
	if (!ranges)
		return err_nomem(err);
	for (uint32_t c = e->first_cluster; left > 0; c = f->next[c]) {
		uint64_t part = left < f->cluster_bytes ? left : f->cluster_bytes;
		uint64_t at = fat_cluster_offset(f, c);

		if (len > 0 && ranges[len - 1].offset_bytes + ranges[len - 1].length_bytes == at)
			ranges[len - 1].length_bytes += part;
		else
			ranges[len++] = (struct fat_range){ at, part };
		left -= part;
	}
	*ret = TAKE_PTR(ranges);
	*ret_len = len;
	return 0;
}

int fat_read(const struct fat *f, const char *path, size_t max, char **ret, size_t *ret_len,
	     struct err *err)
{
	const struct fat_entry *e = fat_find(f, path);
	cleanup_free struct fat_range *ranges = NULL;
	cleanup_free char *data = NULL;
	size_t len = 0, at = 0;
	int r;

	if (!e)
		return err_setf(err, -ENOENT, "the boot partition has no '%s'", path);
	if (e->is_dir)
		return err_setf(err, -EISDIR, "'%s' on the boot partition is a folder", path);
	if (e->size_bytes > max)
		return err_setf(err, -EFBIG, "'%s' on the boot partition has more than %zu bytes",
				path, max);
	r = fat_file_ranges(f, e, &ranges, &len, err);
	if (r < 0)
		return r;
	data = malloc((size_t)e->size_bytes + 1);
	if (!data)
		return err_nomem(err);
	for (size_t i = 0; i < len; i++) {
		r = fat_read_at(f, data + at, (size_t)ranges[i].length_bytes,
				ranges[i].offset_bytes, err);
		if (r < 0)
			return err_wrapf(err, r, "'%s'", path);
		at += (size_t)ranges[i].length_bytes;
	}
	data[at] = '\0';
	*ret = TAKE_PTR(data);
	if (ret_len)
		*ret_len = at;
	return 0;
}

int fat_extract(const struct fat *f, const struct fat_entry *e, int out_fd, struct err *err)
{
	cleanup_free char *data = NULL;
	size_t len = 0;
	int r;

	r = fat_read(f, e->path, (size_t)1 << 30, &data, &len, err);
	if (r < 0)
		return r;
	r = write_all(out_fd, data, len);
	if (r < 0)
		return err_errnof(err, r, "cannot write '%s'", e->path);
	return 0;
}

int fat_used_ranges(const struct fat *f, struct fat_range **ret, size_t *ret_len, struct err *err)
{
	cleanup_free struct fat_range *ranges =
		calloc((size_t)f->clusters / 2 + 2, sizeof(*ranges));
	size_t len = 1;

	if (!ranges)
		return err_nomem(err);
	/* zeros in the tables mean "free": they must be written too */
	ranges[0] = (struct fat_range){ f->start_bytes, f->data_offset - f->start_bytes };
	for (uint32_t c = 2; c < f->clusters + 2; c++) {
		struct fat_range *last = &ranges[len - 1];

		if (f->next[c] == 0)
			continue;
		if (last->offset_bytes + last->length_bytes == fat_cluster_offset(f, c))
			last->length_bytes += f->cluster_bytes;
		else
			ranges[len++] =
				(struct fat_range){ fat_cluster_offset(f, c), f->cluster_bytes };
	}
	*ret = TAKE_PTR(ranges);
	*ret_len = len;
	return 0;
}
