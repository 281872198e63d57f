#include "fat.h"
#include "fat-name.h"
#include "file.h"

#include <endian.h>
#include <string.h>
#include <strings.h>

#define ENTRIES_MAX 4096
#define DIR_BYTES_MAX (1U << 20)
#define DEPTH_MAX 8
#define END_OF_CHAIN 0x0ffffff8u

struct boot_sector {
	uint8_t jump[3];
	char oem[8];
	uint16_t sector_bytes;
	uint8_t cluster_sectors;
	uint16_t reserved_sectors;
	uint8_t tables;
	uint16_t root_entries, sectors16;
	uint8_t media;
	uint16_t table_sectors16, track_sectors, heads;
	uint32_t hidden_sectors, sectors32;
	union {
		struct {
			uint8_t drive, dirty, signature;
			uint32_t volume_id;
			char label[11], type[8];
		} __attribute__((packed)) f16;
		struct {
			uint32_t table_sectors32;
			uint16_t flags, version;
			uint32_t root_cluster;
			uint16_t info_sector, backup_sector;
			uint8_t reserved[12], drive, dirty, signature;
			uint32_t volume_id;
			char label[11], type[8];
		} __attribute__((packed)) f32;
	};
} __attribute__((packed));
_Static_assert(sizeof(struct boot_sector) == 90, "FAT32 boot sector without code");

static int err_fat(struct err *err, const char *what)
{
	return err_setf(err, -EINVAL, "FAT: %s", what);
}

static int read_at(const struct fat *f, void *data, size_t len, uint64_t offset, struct err *err)
{
	ssize_t n = pread_upto(f->fd, data, len, offset);

	if (n < 0)
		return err_errnof(err, (int)n, "cannot read the boot partition");
	if ((size_t)n != len)
		return err_fat(err, "the image ends inside of it");
	return 0;
}

static bool power_of_two(uint32_t v)
{
	return v && (v & (v - 1)) == 0;
}

static void copy_label(char dst[12], const char src[11])
{
	size_t n = 11;

	memcpy(dst, src, 11);
	while (n > 0 && dst[n - 1] == ' ')
		n--;
	dst[n] = '\0';
}

static bool fits_sectors(uint32_t bytes)
{
	return power_of_two(bytes) && bytes >= 512 && bytes <= 4096;
}

static int decode_boot(struct fat *f, const struct boot_sector *b, struct err *err)
{
	uint32_t sectors = le16toh(b->sectors16) ? le16toh(b->sectors16) : le32toh(b->sectors32);
	uint32_t table = le16toh(b->table_sectors16) ? le16toh(b->table_sectors16)
						     : le32toh(b->f32.table_sectors32);
	uint32_t reserved = le16toh(b->reserved_sectors);
	uint64_t before;

	f->sector_bytes = le16toh(b->sector_bytes);
	if (!fits_sectors(f->sector_bytes) || !power_of_two(b->cluster_sectors) || reserved == 0 ||
	    b->tables == 0 || b->tables > 2 || table == 0)
		return err_fat(err, "no boot sector of this file system");
	f->cluster_bytes = b->cluster_sectors * f->sector_bytes;
	f->tables = b->tables;
	f->table_bytes = (uint64_t)table * f->sector_bytes;
	f->size_bytes = (uint64_t)sectors * f->sector_bytes;
	f->root_bytes = ((uint64_t)le16toh(b->root_entries) * 32 + f->sector_bytes - 1) /
			f->sector_bytes * f->sector_bytes;
	f->table_offset = f->start_bytes + (uint64_t)reserved * f->sector_bytes;
	f->data_offset = f->table_offset + f->tables * f->table_bytes + f->root_bytes;
	before = f->data_offset - f->start_bytes;
	if (before >= f->size_bytes)
		return err_fat(err, "the tables are larger than the partition");
	f->clusters = (uint32_t)((f->size_bytes - before) / f->cluster_bytes);
	f->bits = f->clusters < 4085 ? 12 : f->clusters < 65525 ? 16 : 32;
	if (f->bits == 32) {
		f->root_cluster = le32toh(b->f32.root_cluster);
		f->volume_id = le32toh(b->f32.volume_id);
		copy_label(f->label, b->f32.label);
	} else {
		f->volume_id = le32toh(b->f16.volume_id);
		copy_label(f->label, b->f16.label);
	}
	if ((uint64_t)(f->clusters + 2) * f->bits / 8 > f->table_bytes)
		return err_fat(err, "the table is too short for its clusters");
	return 0;
}

static uint32_t decode_next(const struct fat *f, const uint8_t *raw, uint32_t i)
{
	uint32_t v;

	switch (f->bits) {
	case 32:
		memcpy(&v, raw + (size_t)i * 4, 4);
		return le32toh(v) & 0x0fffffff;
	case 16:
		v = (uint32_t)raw[(size_t)i * 2] | (uint32_t)raw[(size_t)i * 2 + 1] << 8;
		return v >= 0xfff8 ? END_OF_CHAIN : v;
	default:
		v = (uint32_t)raw[(size_t)i * 3 / 2] | (uint32_t)raw[(size_t)i * 3 / 2 + 1] << 8;
		v = i & 1 ? v >> 4 : v & 0xfff;
		return v >= 0xff8 ? END_OF_CHAIN : v;
	}
}

static int load_table(struct fat *f, struct err *err)
{
	size_t n = (size_t)f->clusters + 2;
	size_t bytes = ((size_t)n * f->bits + 7) / 8 + 1;
	cleanup_free uint8_t *raw = NULL;
	int r;

	if (bytes > f->table_bytes)
		bytes = (size_t)f->table_bytes;
	raw = calloc(1, bytes + 4);
	f->next = calloc(n, sizeof(*f->next));
	if (!raw || !f->next)
		return err_nomem(err);
	r = read_at(f, raw, bytes, f->table_offset, err);
	if (r < 0)
		return r;
	for (uint32_t i = 0; i < n; i++)
		f->next[i] = decode_next(f, raw, i);
	return 0;
}

static bool is_cluster(const struct fat *f, uint32_t c)
{
	return c >= 2 && c < f->clusters + 2;
}
static uint64_t cluster_offset(const struct fat *f, uint32_t c)
{
	return f->data_offset + (uint64_t)(c - 2) * f->cluster_bytes;
}

/* Length of a chain in clusters; a loop or a wild link is an error. */
static int chain_length(const struct fat *f, uint32_t first, uint32_t *ret, struct err *err)
{
	uint32_t n = 0;

	for (uint32_t c = first; c < END_OF_CHAIN; c = f->next[c]) {
		if (!is_cluster(f, c))
			return err_fat(err, "a chain of clusters leads nowhere");
		if (++n > f->clusters)
			return err_fat(err, "a chain of clusters is a loop");
	}
	*ret = n;
	return 0;
}

static int read_chain(const struct fat *f, uint32_t first, size_t max, char **ret, size_t *ret_len,
		      struct err *err)
{
	cleanup_free char *data = NULL;
	uint32_t n = 0;
	size_t at = 0;
	int r;

	r = chain_length(f, first, &n, err);
	if (r < 0)
		return r;
	if ((uint64_t)n * f->cluster_bytes > max)
		return err_fat(err, "a folder is too large");
	data = malloc((size_t)n * f->cluster_bytes + 1);
	if (!data)
		return err_nomem(err);
	for (uint32_t c = first; c < END_OF_CHAIN; c = f->next[c]) {
		r = read_at(f, data + at, f->cluster_bytes, cluster_offset(f, c), err);
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
		return err_fat(err, "too many files");
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
		return err_fat(err, "folders are nested too deep");
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
			copy_label(f->label, e.name);
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

static int load_root(struct fat *f, struct err *err)
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
		r = read_at(f, data, len, f->data_offset - f->root_bytes, err);
		if (r < 0)
			return r;
	}
	return load_dir(f, data, len, "", 0, err);
}

int fat_open(int fd, uint64_t start_bytes, struct fat *ret, struct err *err)
{
	cleanup_fat struct fat f = { .fd = fd, .start_bytes = start_bytes };
	struct boot_sector b;
	uint8_t mark[2];
	int r;

	r = read_at(&f, &b, sizeof(b), start_bytes, err);
	if (r == 0)
		r = read_at(&f, mark, sizeof(mark), start_bytes + 510, err);
	if (r < 0)
		return r;
	if (mark[0] != 0x55 || mark[1] != 0xaa)
		return err_fat(err, "no boot sector signature");
	r = decode_boot(&f, &b, err);
	if (r == 0)
		r = load_table(&f, err);
	if (r == 0)
		r = load_root(&f, err);
	if (r < 0)
		return r;
	*ret = f;
	f = (struct fat){ 0 };
	return 0;
}

void fat_done(struct fat *f)
{
	for (size_t i = 0; i < f->len; i++)
		free(f->entries[i].path);
	free(f->entries);
	free(f->next);
	*f = (struct fat){ 0 };
}

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
		r = chain_length(f, e->first_cluster, &n, err);
		if (r < 0)
			return err_wrapf(err, r, "'%s'", e->path);
	}
	if ((uint64_t)n * f->cluster_bytes < left) {
		r = err_fat(err, "fewer clusters than its size needs");
		return err_wrapf(err, r, "'%s'", e->path);
	}
	ranges = calloc((size_t)n + 1, sizeof(*ranges));
	if (!ranges)
		return err_nomem(err);
	for (uint32_t c = e->first_cluster; left > 0; c = f->next[c]) {
		uint64_t part = left < f->cluster_bytes ? left : f->cluster_bytes;
		uint64_t at = cluster_offset(f, c);

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
		r = read_at(f, data + at, (size_t)ranges[i].length_bytes, ranges[i].offset_bytes,
			    err);
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
		if (last->offset_bytes + last->length_bytes == cluster_offset(f, c))
			last->length_bytes += f->cluster_bytes;
		else
			ranges[len++] =
				(struct fat_range){ cluster_offset(f, c), f->cluster_bytes };
	}
	*ret = TAKE_PTR(ranges);
	*ret_len = len;
	return 0;
}
