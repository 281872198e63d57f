#include "fat-internal.h"
#include "file.h"

#include <endian.h>
#include <string.h>

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

int fat_fail(struct err *err, const char *what)
{
	return err_setf(err, -EINVAL, "FAT: %s", what);
}

int fat_read_at(const struct fat *f, void *data, size_t len, uint64_t offset, struct err *err)
{
	ssize_t n = pread_upto(f->fd, data, len, offset);

	if (n < 0)
		return err_errnof(err, (int)n, "cannot read the boot partition");
	if ((size_t)n != len)
		return fat_fail(err, "the image ends inside of it");
	return 0;
}

void fat_copy_label(char dst[12], const char src[11])
{
	size_t n = 11;

	memcpy(dst, src, 11);
	while (n > 0 && dst[n - 1] == ' ')
		n--;
	dst[n] = '\0';
}

static bool power_of_two(uint32_t v)
{
	return v && (v & (v - 1)) == 0;
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
		return fat_fail(err, "no boot sector of this file system");
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
		return fat_fail(err, "the tables are larger than the partition");
	f->clusters = (uint32_t)((f->size_bytes - before) / f->cluster_bytes);
	f->bits = f->clusters < 4085 ? 12 : f->clusters < 65525 ? 16 : 32;
	if (f->bits == 32) {
		f->root_cluster = le32toh(b->f32.root_cluster);
		f->volume_id = le32toh(b->f32.volume_id);
		fat_copy_label(f->label, b->f32.label);
	} else {
		f->volume_id = le32toh(b->f16.volume_id);
		fat_copy_label(f->label, b->f16.label);
	}
	if ((uint64_t)(f->clusters + 2) * f->bits / 8 > f->table_bytes)
		return fat_fail(err, "the table is too short for its clusters");
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
		return v >= 0xfff8 ? FAT_END_OF_CHAIN : v;
	default:
		v = (uint32_t)raw[(size_t)i * 3 / 2] | (uint32_t)raw[(size_t)i * 3 / 2 + 1] << 8;
		v = i & 1 ? v >> 4 : v & 0xfff;
		return v >= 0xff8 ? FAT_END_OF_CHAIN : v;
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
	r = fat_read_at(f, raw, bytes, f->table_offset, err);
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

uint64_t fat_cluster_offset(const struct fat *f, uint32_t c)
{
	return f->data_offset + (uint64_t)(c - 2) * f->cluster_bytes;
}

int fat_chain_length(const struct fat *f, uint32_t first, uint32_t *ret, struct err *err)
{
	uint32_t n = 0;

	for (uint32_t c = first; c < FAT_END_OF_CHAIN; c = f->next[c]) {
		if (!is_cluster(f, c))
			return fat_fail(err, "a chain of clusters leads nowhere");
		if (++n > f->clusters)
			return fat_fail(err, "a chain of clusters is a loop");
	}
	*ret = n;
	return 0;
}

int fat_open(int fd, uint64_t start_bytes, struct fat *ret, struct err *err)
{
	cleanup_fat struct fat f = { .fd = fd, .start_bytes = start_bytes };
	struct boot_sector b;
	uint8_t mark[2];
	int r;

	r = fat_read_at(&f, &b, sizeof(b), start_bytes, err);
	if (r == 0)
		r = fat_read_at(&f, mark, sizeof(mark), start_bytes + 510, err);
	if (r < 0)
		return r;
	if (mark[0] != 0x55 || mark[1] != 0xaa)
		return fat_fail(err, "no boot sector signature");
	r = decode_boot(&f, &b, err);
	if (r == 0)
		r = load_table(&f, err);
	if (r == 0)
		r = fat_load_folders(&f, err);
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
