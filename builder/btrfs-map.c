/*
 * Which bytes of a Btrfs mean something: the chunk tree says where logical addresses lie
 * (metadata twice, DUP), the extent tree which of them are in use. Both are read from the
 * text of `btrfs inspect-internal dump-tree`, line by line.
 */
#include "btrfs.h"
#include "parse.h"
#include "spawn.h"

#include <stdbool.h>
#include <string.h>

#define DUMP_TIMEOUT_MS (5u * 60 * 1000)
#define GAP_BYTES 65536
#define LINE_MAX_BYTES 1024
#define CHUNK_COPIES 2
#define NODE_BYTES 16384 /* mkfs.btrfs' default, which btrfs_make() leaves */
#define MIB (UINT64_C(1) << 20)

struct chunk {
	uint64_t logical, length, offset[CHUNK_COPIES];
	size_t copies;
};
struct map {
	struct chunk *chunks;
	size_t chunks_len;
	struct btrfs_range *ranges;
	size_t len, size;
	char line[LINE_MAX_BYTES];
	size_t line_len;
	int (*take)(struct map *m, const char *line);
	size_t beyond; /* extents in no chunk */
};

static void map_done(struct map *m)
{
	free(m->chunks);
	free(m->ranges);
}

static int add_range(struct map *m, uint64_t offset, uint64_t length)
{
	if (m->len == m->size) {
		size_t size = m->size ? m->size * 2 : 4096;
		struct btrfs_range *grown = reallocarray(m->ranges, size, sizeof(*grown));

		if (!grown)
			return -ENOMEM;
		m->ranges = grown;
		m->size = size;
	}
	m->ranges[m->len++] = (struct btrfs_range){ offset, length };
	return 0;
}

/* The number that follows @word in a line; false: no such word, or no number behind it. */
static bool number_after(const char *line, const char *word, uint64_t *ret)
{
	const char *p = strstr(line, word);
	char digits[24];
	size_t n;

	if (!p)
		return false;
	p += strlen(word);
	n = strspn(p, "0123456789");
	if (n == 0 || n >= sizeof(digits))
		return false;
	memcpy(digits, p, n);
	digits[n] = '\0';
	return u64_parse(digits, ret) == 0;
}

static int take_chunk(struct map *m, const char *line)
{
	struct chunk *last = m->chunks_len ? &m->chunks[m->chunks_len - 1] : NULL;
	struct chunk *grown;
	uint64_t a;

	if (number_after(line, " CHUNK_ITEM ", &a)) {
		grown = reallocarray(m->chunks, m->chunks_len + 1, sizeof(*grown));
		if (!grown)
			return -ENOMEM;
		m->chunks = grown;
		grown[m->chunks_len++] = (struct chunk){ .logical = a };
	} else if (last && strstr(line, " owner ") && number_after(line, "\tlength ", &a)) {
		last->length = a;
	} else if (last && strstr(line, "\tstripe ") &&
		   number_after(line, " devid 1 offset ", &a)) {
		if (last->copies == CHUNK_COPIES)
			return -EINVAL;
		last->offset[last->copies++] = a;
	}
	return 0;
}

static int add_logical(struct map *m, uint64_t logical, uint64_t length)
{
	for (size_t i = 0; i < m->chunks_len; i++) {
		const struct chunk *c = &m->chunks[i];

		if (logical < c->logical || logical - c->logical >= c->length)
			continue;
		for (size_t k = 0; k < c->copies; k++) {
			int r = add_range(m, c->offset[k] + (logical - c->logical), length);

			if (r < 0)
				return r;
		}
		return 0;
	}
	m->beyond++;
	return 0;
}

static int take_extent(struct map *m, const char *line)
{
	uint64_t at, length;

	if (!number_after(line, "key (", &at))
		return 0;
	if (number_after(line, " EXTENT_ITEM ", &length))
		return add_logical(m, at, length);
	return strstr(line, " METADATA_ITEM ") ? add_logical(m, at, NODE_BYTES) : 0;
}

static int take_text(void *arg, const char *data, size_t len)
{
	struct map *m = arg;

	for (size_t i = 0; i < len; i++) {
		if (data[i] != '\n') {
			if (m->line_len + 1 < sizeof(m->line))
				m->line[m->line_len++] = data[i];
			continue;
		}
		m->line[m->line_len] = '\0';
		m->line_len = 0;
		int r = m->take(m, m->line);

		if (r < 0)
			return r;
	}
	return 0;
}

static int dump(struct map *m, const char *tree, int (*take)(struct map *, const char *),
		const char *image, struct err *err)
{
	const char *const argv[] = { "btrfs", "inspect-internal", "dump-tree", "-t", tree, image,
				     NULL };
	cleanup_spawn struct spawn s = {
		.argv = argv,
		.timeout_ms = DUMP_TIMEOUT_MS,
		.out_fn = take_text,
		.arg = m,
	};

	m->take = take;
	m->line_len = 0;
	return spawn_run(&s, err);
}

static int by_offset(const void *a, const void *b)
{
	const struct btrfs_range *x = a, *y = b;

	return x->offset_bytes < y->offset_bytes ? -1 : x->offset_bytes > y->offset_bytes;
}

static void merge(struct map *m)
{
	size_t n = 0;

	qsort(m->ranges, m->len, sizeof(*m->ranges), by_offset);
	for (size_t i = 0; i < m->len; i++) {
		const struct btrfs_range *r = &m->ranges[i];
		uint64_t end = r->offset_bytes + r->length_bytes;
		struct btrfs_range *last = n ? &m->ranges[n - 1] : NULL;

		if (last && r->offset_bytes < last->offset_bytes + last->length_bytes + GAP_BYTES) {
			if (end > last->offset_bytes + last->length_bytes)
				last->length_bytes = end - last->offset_bytes;
			continue;
		}
		m->ranges[n++] = *r;
	}
	m->len = n;
}

static int add_supers(struct map *m, const char *image, struct err *err)
{
	static const uint64_t mirrors[] = { 64 * MIB, 256 * 1024 * MIB };
	cleanup_fclose FILE *f = fopen(image, "re");
	off_t size;
	int r;

	if (!f || fseeko(f, 0, SEEK_END) != 0 || (size = ftello(f)) < 0)
		return err_errnof(err, -errno, "cannot read '%s'", image);
	r = add_range(m, 0, MIB);
	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(mirrors); i++)
		if (mirrors[i] + 4096 <= (uint64_t)size)
			r = add_range(m, mirrors[i], 4096);
	return r < 0 ? err_nomem(err) : 0;
}

int btrfs_used_ranges(const char *image, struct btrfs_range **ret, size_t *ret_len, struct err *err)
{
	CLEANUP(map_done) struct map m = { 0 };
	int r;

	r = dump(&m, "chunk", take_chunk, image, err);
	if (r == 0)
		r = dump(&m, "extent", take_extent, image, err);
	if (r < 0)
		return err_wrapf(err, r, "block map of root");
	if (m.chunks_len < 3 || m.len < 8 || m.beyond)
		return err_setf(
			err, -EBADMSG,
			"block map of root: %zu chunks, %zu extents, %zu of them in no chunk",
			m.chunks_len, m.len, m.beyond);
	r = add_supers(&m, image, err);
	if (r < 0)
		return r;
	merge(&m);
	*ret = TAKE_PTR(m.ranges);
	*ret_len = m.len;
	return 0;
}
