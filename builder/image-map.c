#include "image-map.h"
#include "buf.h"
#include "digest.h"
#include "fat.h"
#include "file.h"

#include <string.h>

#define READ_BYTES ((size_t)1 << 20)
#define GPT_HEAD_BYTES                                                                             \
	((uint64_t)64 << 10) /* protective MBR, header, entries; 34 sectors rounded up */
#define GPT_TAIL_BYTES ((uint64_t)64 << 10)

static int digest_range(int fd, uint64_t offset, uint64_t length, char ret[SHA256_HEX_MAX],
			struct err *err)
{
	cleanup_free char *data = malloc(READ_BYTES);
	struct sha256 s;

	if (!data)
		return err_nomem(err);
	sha256_init(&s);
	while (length > 0) {
		size_t want = length < READ_BYTES ? (size_t)length : READ_BYTES;
		ssize_t n = pread_upto(fd, data, want, offset);

		if (n < 0)
			return err_errnof(err, (int)n, "cannot read the image at %llu",
					  (unsigned long long)offset);
		if ((size_t)n != want)
			return err_setf(err, -EIO, "the image ends at %llu, inside a mapped range",
					(unsigned long long)offset + (unsigned long long)n);
		sha256_update(&s, data, want);
		offset += want;
		length -= want;
	}
	(void)sha256_final_hex(&s, ret);
	return 0;
}

static int append(struct image_json *j, uint64_t offset, uint64_t length, const char *sha256,
		  struct err *err)
{
	struct image_extent *grown, *e;

	if ((j->extents.len & (j->extents.len - 1)) == 0) { /* a power of two: double */
		size_t size = j->extents.len ? j->extents.len * 2 : 1;

		grown = reallocarray(j->extents.items, size, sizeof(*grown));
		if (!grown)
			return err_nomem(err);
		j->extents.items = grown;
	}
	e = &j->extents.items[j->extents.len];
	*e = (struct image_extent){ .offset_bytes = offset,
				    .length_bytes = length,
				    .sha256 = strdup(sha256) };
	if (!e->sha256)
		return err_nomem(err);
	j->extents.len++;
	return 0;
}

/* Cut at multiples of the maximum, so that equal data has equal pieces on every image. */
static int add(struct image_json *j, int fd, uint64_t offset, uint64_t length, struct err *err)
{
	uint64_t end =
		(offset + length + IMAGE_BLOCK_BYTES - 1) / IMAGE_BLOCK_BYTES * IMAGE_BLOCK_BYTES;
	int r;

	offset = offset / IMAGE_BLOCK_BYTES * IMAGE_BLOCK_BYTES;
	if (j->extents.len > 0) { /* rounding must not make neighbours overlap */
		const struct image_extent *last = &j->extents.items[j->extents.len - 1];

		if (offset < last->offset_bytes + last->length_bytes)
			offset = last->offset_bytes + last->length_bytes;
	}
	while (offset < end) {
		uint64_t cut = (offset / IMAGE_EXTENT_MAX_BYTES + 1) * IMAGE_EXTENT_MAX_BYTES;
		uint64_t stop = cut < end ? cut : end;
		char hex[SHA256_HEX_MAX];

		r = digest_range(fd, offset, stop - offset, hex, err);
		if (r == 0)
			r = append(j, offset, stop - offset, hex, err);
		if (r < 0)
			return r;
		offset = stop;
	}
	return 0;
}

static int add_front(struct image_json *j, int fd, const struct layout *l, struct err *err)
{
	cleanup_free struct fat_range *ranges = NULL;
	cleanup_fat struct fat f = { 0 };
	size_t len = 0;
	int r;

	r = add(j, fd, 0, GPT_HEAD_BYTES, err);
	if (r == 0)
		r = fat_open(fd, l->parts[LAYOUT_BOOT].start_bytes, &f, err);
	if (r == 0)
		r = fat_used_ranges(&f, &ranges, &len, err);
	for (size_t i = 0; r == 0 && i < len; i++)
		r = add(j, fd, ranges[i].offset_bytes, ranges[i].length_bytes, err);
	return r;
}

static int add_tail(struct image_json *j, int fd, const struct layout *l, struct err *err)
{
	return add(j, fd, l->disk_bytes - GPT_TAIL_BYTES, GPT_TAIL_BYTES, err);
}

int image_map_base(int fd, const struct layout *l, const struct btrfs_range *root, size_t root_len,
		   struct image_json *ret, struct err *err)
{
	uint64_t start = l->parts[LAYOUT_ROOT].start_bytes;
	int r;

	r = add_front(ret, fd, l, err);
	for (size_t i = 0; r == 0 && i < root_len; i++)
		r = add(ret, fd, start + root[i].offset_bytes, root[i].length_bytes, err);
	if (r == 0)
		r = add_tail(ret, fd, l, err);
	ret->size_bytes = l->disk_bytes;
	return r;
}

int image_map_node(int fd, const struct layout *l, const struct image_json *base,
		   struct image_json *ret, struct err *err)
{
	const struct layout_part *p = &l->parts[LAYOUT_ROOT];
	int r;

	r = add_front(ret, fd, l, err);
	for (size_t i = 0; r == 0 && i < base->extents.len; i++) {
		const struct image_extent *e = &base->extents.items[i];

		if (e->offset_bytes >= p->start_bytes &&
		    e->offset_bytes < p->start_bytes + p->size_bytes)
			r = append(ret, e->offset_bytes, e->length_bytes, e->sha256, err);
	}
	if (r == 0)
		r = add_tail(ret, fd, l, err);
	ret->size_bytes = l->disk_bytes;
	return r;
}

static int set_part(struct image_partition *d, const struct layout_part *p, unsigned int number,
		    const char *filesystem, const char *fs_uuid, struct err *err)
{
	*d = (struct image_partition){
		.number = number,
		.label = strdup(p->label),
		.type = strdup(p->type),
		.uuid = strdup(p->uuid),
		.start_bytes = p->start_bytes,
		.size_bytes = p->size_bytes,
		.filesystem = strdup(filesystem),
		.fs_uuid = strdup(fs_uuid),
	};
	if (!d->label || !d->type || !d->uuid || !d->filesystem || !d->fs_uuid)
		return err_nomem(err);
	return 0;
}

int image_map_partitions(const struct layout *l, const char *boot_uuid, const char *root_uuid,
			 struct image_json *ret, struct err *err)
{
	int r;

	ret->partitions.items = calloc(LAYOUT_PARTS, sizeof(*ret->partitions.items));
	if (!ret->partitions.items)
		return err_nomem(err);
	ret->partitions.len = LAYOUT_PARTS;
	r = set_part(&ret->partitions.items[LAYOUT_BOOT], &l->parts[LAYOUT_BOOT], 1, "vfat",
		     boot_uuid, err);
	if (r == 0)
		r = set_part(&ret->partitions.items[LAYOUT_ROOT], &l->parts[LAYOUT_ROOT], 2,
			     "btrfs", root_uuid, err);
	return r;
}

int image_map_verify(int fd, const struct image_json *json, struct err *err)
{
	for (size_t i = 0; i < json->extents.len; i++) {
		const struct image_extent *e = &json->extents.items[i];
		char hex[SHA256_HEX_MAX];
		int r = digest_range(fd, e->offset_bytes, e->length_bytes, hex, err);

		if (r < 0)
			return r;
		if (strcmp(hex, e->sha256) != 0)
			return err_setf(
				err, -EBADMSG,
				"%llu bytes at %llu have another digest than when they were made",
				(unsigned long long)e->length_bytes,
				(unsigned long long)e->offset_bytes);
	}
	return 0;
}

static void add_bmap_body(struct buf *b, const struct image_json *j, const char *own_sha256)
{
	uint64_t mapped = 0;

	for (size_t i = 0; i < j->extents.len; i++)
		mapped += j->extents.items[i].length_bytes / IMAGE_BLOCK_BYTES;
	(void)buf_addf(
		b,
		"<?xml version=\"1.0\" ?>\n"
		"<bmap version=\"2.0\">\n"
		"    <ImageSize> %llu </ImageSize>\n"
		"    <BlockSize> %d </BlockSize>\n"
		"    <BlocksCount> %llu </BlocksCount>\n"
		"    <MappedBlocksCount> %llu </MappedBlocksCount>\n"
		"    <ChecksumType> sha256 </ChecksumType>\n"
		"    <BmapFileChecksum> %s </BmapFileChecksum>\n"
		"    <BlockMap>\n",
		(unsigned long long)j->size_bytes, IMAGE_BLOCK_BYTES,
		(unsigned long long)((j->size_bytes + IMAGE_BLOCK_BYTES - 1) / IMAGE_BLOCK_BYTES),
		(unsigned long long)mapped, own_sha256);
	for (size_t i = 0; i < j->extents.len; i++) {
		const struct image_extent *e = &j->extents.items[i];
		uint64_t first = e->offset_bytes / IMAGE_BLOCK_BYTES;
		uint64_t last = first + e->length_bytes / IMAGE_BLOCK_BYTES - 1;

		if (first == last)
			(void)buf_addf(b, "        <Range chksum=\"%s\"> %llu </Range>\n",
				       e->sha256, (unsigned long long)first);
		else
			(void)buf_addf(b, "        <Range chksum=\"%s\"> %llu-%llu </Range>\n",
				       e->sha256, (unsigned long long)first,
				       (unsigned long long)last);
	}
	(void)buf_adds(b, "    </BlockMap>\n</bmap>\n");
}

int image_map_bmap(const struct image_json *json, char **ret, size_t *ret_len, struct err *err)
{
	/* bmaptool: the file's own digest is taken with zeros in its place */
	static const char zeros[] =
		"0000000000000000000000000000000000000000000000000000000000000000";
	cleanup_buf struct buf b = BUF_INIT(IMAGE_JSON_MAX);
	char hex[SHA256_HEX_MAX];
	int r;

	add_bmap_body(&b, json, zeros);
	r = buf_error(&b);
	if (r < 0)
		return err_errnof(err, r, "cannot make the block map");
	(void)sha256_mem_hex(b.data, b.len, hex);
	memcpy(strstr(b.data, zeros), hex, sizeof(zeros) - 1);
	*ret = buf_steal(&b, ret_len);
	return 0;
}
