#include "block.h"

#include "buf.h"
#include "file.h"
#include "parse.h"
#include "tree.h"

#include <blkid/blkid.h>
#include <ctype.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>

#define CLASS "/sys/class/block"

static void probe_freep(blkid_probe *p)
{
	if (*p)
		blkid_free_probe(*p);
}
#define cleanup_probe CLEANUP(probe_freep)

static uint64_t number_of(const char *block, const char *attr)
{
	char path[256], text[32];
	uint64_t value = 0;
	ssize_t n;
	int fd;

	(void)snprintf(path, sizeof(path), CLASS "/%.64s/%s", block, attr);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return 0;
	n = read_upto(fd, text, sizeof(text) - 1);
	(void)close(fd);
	while (n > 0 && isspace((unsigned char)text[n - 1]))
		n--;
	if (n < 0)
		n = 0;
	text[n] = '\0';
	return u64_parse(text, &value) < 0 ? 0 : value;
}

/* .../block/nvme0n1/nvme0n1p1: the last part but one. */
static int disk_of(const char *name, char *ret, size_t size)
{
	char link[256], real[PATH_MAX];
	char *slash;

	(void)snprintf(link, sizeof(link), CLASS "/%.64s", name);
	if (!realpath(link, real))
		return -errno;
	slash = strrchr(real, '/');
	if (slash) {
		*slash = '\0';
		slash = strrchr(real, '/');
	}
	if (!slash)
		return -ENOENT;
	(void)snprintf(ret, size, "%s", slash + 1);
	return 0;
}

static void take_value(blkid_probe p, const char *key, char *dst, size_t size)
{
	const char *value = NULL;

	if (blkid_probe_lookup_value(p, key, &value, NULL) == 0 && value)
		(void)snprintf(dst, size, "%s", value);
}

/* What cannot be read has no type: it is not what is looked for, and is looked at again next time.
 */
static void probe(struct block *b)
{
	cleanup_probe blkid_probe p = NULL;
	char dev[80];

	(void)snprintf(dev, sizeof(dev), "/dev/%s", b->name);
	p = blkid_new_probe_from_filename(dev);
	if (!p)
		return;
	(void)blkid_probe_enable_superblocks(p, 1);
	(void)blkid_probe_set_superblocks_flags(p, BLKID_SUBLKS_TYPE | BLKID_SUBLKS_UUID);
	(void)blkid_probe_enable_partitions(p, 1);
	(void)blkid_probe_set_partitions_flags(p, BLKID_PARTS_ENTRY_DETAILS);
	if (blkid_do_safeprobe(p) != 0)
		return;
	take_value(p, "TYPE", b->type, sizeof(b->type));
	take_value(p, "UUID", b->uuid, sizeof(b->uuid));
	take_value(p, "PART_ENTRY_UUID", b->part_uuid, sizeof(b->part_uuid));
}

static const struct block *known(const struct block_list *last, const char *name,
				 uint64_t size_bytes)
{
	for (size_t i = 0; i < last->len; i++)
		if (strcmp(last->items[i].name, name) == 0 &&
		    last->items[i].size_bytes == size_bytes && last->items[i].type[0])
			return &last->items[i];
	return NULL;
}

static int add(const struct block_list *last, struct block_list *l, const char *name,
	       uint32_t number)
{
	struct block *items = reallocarray(l->items, l->len + 1, sizeof(*items));
	struct block b = { .number = number, .size_bytes = number_of(name, "size") * 512 };
	const struct block *same;

	if (!items)
		return -ENOMEM;
	l->items = items;
	(void)snprintf(b.name, sizeof(b.name), "%s", name);
	if (disk_of(name, b.disk, sizeof(b.disk)) < 0)
		return 0; /* gone while we looked */
	same = known(last, name, b.size_bytes);
	if (same)
		b = *same;
	else
		probe(&b);
	l->items[l->len++] = b;
	return 0;
}

int block_scan(const struct block_list *last, struct block_list *ret, struct err *err)
{
	cleanup_block_list struct block_list l = { 0 };
	cleanup_name_list struct name_list names = { 0 };
	cleanup_buf struct buf disks = BUF_INIT(1 << 16);
	int r;

	r = tree_list_at(AT_FDCWD, CLASS, &names, err);
	if (r < 0)
		return r;
	for (size_t i = 0; i < names.len; i++) {
		const char *name = names.items[i];
		uint64_t number;

		if (strlen(name) >= sizeof(l.items->name) || number_of(name, "size") == 0)
			continue;
		number = number_of(name, "partition");
		if (number > 0 && number <= UINT32_MAX)
			r = add(last, &l, name, (uint32_t)number);
		else if (strncmp(name, "ram", 3) != 0 && strncmp(name, "loop", 4) != 0)
			r = buf_addf(&disks, "%s ", name);
		if (r < 0)
			return err_errnof(err, r, "cannot list the disks");
	}
	l.disks = buf_steal(&disks, NULL);
	if (!l.disks)
		return err_nomem(err);
	*ret = l;
	l = (struct block_list){ 0 };
	return 0;
}

void block_list_done(struct block_list *l)
{
	free(l->items);
	free(l->disks);
	*l = (struct block_list){ 0 };
}
