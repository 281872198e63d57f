/* Folders, from the disk to a list of paths. */
#include "fat-internal.h"
#include "fat-name.h"

#include <endian.h>
#include <string.h>

#define ENTRIES_MAX 4096
#define DIR_BYTES_MAX (1U << 20)
#define DEPTH_MAX 8

static int read_chain(const struct fat *f, uint32_t first, size_t max, char **ret, size_t *ret_len,
		      struct err *err)
{
	cleanup_free char *data = NULL;
	uint32_t n = 0;
	size_t at = 0;
	int r;

	r = fat_chain_length(f, first, &n, err);
	if (r < 0)
		return r;
	if ((uint64_t)n * f->cluster_bytes > max)
		return fat_fail(err, "a folder is too large");
	data = malloc((size_t)n * f->cluster_bytes + 1);
	if (!data)
		return err_nomem(err);
	for (uint32_t c = first; c < FAT_END_OF_CHAIN; c = f->next[c]) {
		r = fat_read_at(f, data + at, f->cluster_bytes, fat_cluster_offset(f, c), err);
		if (r < 0)
			return r;
		at += f->cluster_bytes;
	}
	data[at] = '\0';
	*ret = TAKE_PTR(data);
	*ret_len = at;
	return 0;
}

static int add_entry(struct fat *f, const char *parent, const char *name,
		     const struct fat_dir_entry *e, struct err *err)
{
	struct fat_entry *grown, *n;

	if (f->len >= ENTRIES_MAX)
		return fat_fail(err, "too many files");
	grown = realloc(f->entries, (f->len + 1) * sizeof(*grown));
	if (!grown)
		return err_nomem(err);
	f->entries = grown;
	n = &grown[f->len];
	*n = (struct fat_entry){
		.is_dir = e->attr & FAT_ATTR_DIR,
		.size_bytes = le32toh(e->size),
		.first_cluster = (uint32_t)le16toh(e->cluster_hi) << 16 | le16toh(e->cluster_lo),
		.date = le16toh(e->mdate),
		.time = le16toh(e->mtime),
	};
	if (f->bits != 32)
		n->first_cluster &= 0xffff;
	if (asprintf(&n->path, "%s%s%s", parent, *parent ? "/" : "", name) < 0) {
		n->path = NULL;
		return err_nomem(err);
	}
	f->len++;
	return 0;
}

static int load_dir(struct fat *f, const char *data, size_t len, const char *parent,
		    unsigned int depth, struct err *err);

static int load_subdir(struct fat *f, size_t index, unsigned int depth, struct err *err)
{
	uint32_t first = f->entries[index].first_cluster;
	cleanup_free char *path = strdup(f->entries[index].path);
	cleanup_free char *data = NULL;
	size_t len = 0;
	int r;

	if (!path)
		return err_nomem(err);
	if (depth >= DEPTH_MAX)
		return fat_fail(err, "folders are nested too deep");
	r = read_chain(f, first, DIR_BYTES_MAX, &data, &len, err);
	if (r < 0)
		return r;
	return load_dir(f, data, len, path, depth, err);
}

static int load_dir(struct fat *f, const char *data, size_t len, const char *parent,
		    unsigned int depth, struct err *err)
{
	struct fat_long_name l = { 0 };
	int r;

	for (size_t at = 0; at + 32 <= len; at += 32) {
		char name[FAT_NAME_MAX];
		struct fat_long_entry le;
		struct fat_dir_entry e;

		memcpy(&e, data + at, sizeof(e));
		if (e.name[0] == 0)
			break;
		if ((uint8_t)e.name[0] == 0xe5 || e.name[0] == '.') {
			l.valid = false;
			continue;
		}
		if ((e.attr & 0x3f) == FAT_ATTR_LONG) {
			memcpy(&le, data + at, sizeof(le));
			fat_take_long(&l, &le);
			continue;
		}
		if (e.attr & FAT_ATTR_VOLUME) {
			l.valid = false;
			fat_copy_label(f->label, e.name);
			continue;
		}
		bool is_long = fat_entry_name(&l, &e, name);

		l.valid = false;
		r = add_entry(f, parent, name, &e, err);
		if (r < 0)
			return r;
		f->entries[f->len - 1].has_long_name = is_long;
		if (e.attr & FAT_ATTR_DIR) {
			r = load_subdir(f, f->len - 1, depth + 1, err);
			if (r < 0)
				return r;
		}
	}
	return 0;
}

int fat_load_folders(struct fat *f, struct err *err)
{
	cleanup_free char *data = NULL;
	size_t len = 0;
	int r;

	if (f->bits == 32) {
		r = read_chain(f, f->root_cluster, DIR_BYTES_MAX, &data, &len, err);
		if (r < 0)
			return r;
	} else {
		len = (size_t)f->root_bytes;
		data = malloc(len + 1);
		if (!data)
			return err_nomem(err);
		r = fat_read_at(f, data, len, f->data_offset - f->root_bytes, err);
		if (r < 0)
			return r;
	}
	return load_dir(f, data, len, "", 0, err);
}
