#include "gpt.h"

#include <blkid/blkid.h>
#include <libfdisk/libfdisk.h>
#include <string.h>
#include <strings.h>

#define SECTOR 512

static void unref_context(struct fdisk_context **c)
{
	if (*c)
		fdisk_unref_context(*c);
}
static void unref_partition(struct fdisk_partition **p)
{
	if (*p)
		fdisk_unref_partition(*p);
}
static void free_probe(blkid_probe *p)
{
	if (*p)
		blkid_free_probe(*p);
}

static int err_fdisk(struct err *err, int r, const char *what)
{
	return err_errnof(err, r < 0 ? r : -EIO, "cannot %s by libfdisk", what);
}

static int add_part(struct fdisk_context *cxt, unsigned int index, const struct layout_part *p,
		    struct err *err)
{
	CLEANUP(unref_partition) struct fdisk_partition *pa = fdisk_new_partition();
	struct fdisk_parttype *type =
		fdisk_label_get_parttype_from_string(fdisk_get_label(cxt, NULL), p->type);
	int r;

	if (!pa)
		return err_nomem(err);
	if (!type)
		return err_setf(err, -EINVAL, "libfdisk knows no partition type '%s'", p->type);
	r = fdisk_partition_set_type(pa, type);
	if (r == 0)
		r = fdisk_partition_set_partno(pa, index);
	if (r == 0)
		r = fdisk_partition_set_start(pa, p->start_bytes / SECTOR);
	if (r == 0)
		r = fdisk_partition_set_size(pa, p->size_bytes / SECTOR);
	if (r == 0)
		r = fdisk_partition_set_name(pa, p->label);
	if (r == 0)
		r = fdisk_partition_set_uuid(pa, p->uuid);
	if (r == 0)
		r = fdisk_add_partition(cxt, pa, NULL);
	fdisk_unref_parttype(type);
	if (r != 0) {
		r = err_fdisk(err, r, "add the partition");
		return err_wrapf(err, r, "partition '%s'", p->label);
	}
	return 0;
}

int gpt_write(int fd, const char *path, const struct layout *l, struct err *err)
{
	CLEANUP(unref_context) struct fdisk_context *cxt = fdisk_new_context();
	int r;

	if (!cxt)
		return err_nomem(err);
	fdisk_disable_dialogs(cxt, 1);
	r = fdisk_assign_device_by_fd(cxt, fd, path, 0);
	if (r == 0)
		r = fdisk_create_disklabel(cxt, "gpt");
	if (r == 0)
		r = fdisk_set_disklabel_id_from_string(cxt, l->disk_uuid);
	if (r != 0) {
		r = err_fdisk(err, r, "make a partition table");
		return err_wrapf(err, r, "image '%s'", path);
	}
	for (unsigned int i = 0; i < LAYOUT_PARTS; i++) {
		r = add_part(cxt, i, &l->parts[i], err);
		if (r < 0)
			return err_wrapf(err, r, "image '%s'", path);
	}
	r = fdisk_write_disklabel(cxt);
	if (r != 0) {
		r = err_fdisk(err, r, "write the partition table");
		return err_wrapf(err, r, "image '%s'", path);
	}
	(void)fdisk_deassign_device(cxt, 1); /* 1: no sync, the caller does it once for all */
	return 0;
}

static void copy_text(char *dst, size_t size, const char *src)
{
	(void)snprintf(dst, size, "%s", src ? src : "");
}

static int read_parts(blkid_partlist list, struct gpt_table *ret, const char *path, struct err *err)
{
	int n = blkid_partlist_numof_partitions(list);

	if (n > GPT_PARTS_MAX)
		return err_setf(err, -E2BIG, "image '%s' has %d partitions; %d are understood",
				path, n, GPT_PARTS_MAX);
	for (int i = 0; i < n; i++) {
		blkid_partition b = blkid_partlist_get_partition(list, i);
		struct gpt_part *p = &ret->parts[ret->len++];

		p->number = (unsigned int)blkid_partition_get_partno(b);
		p->start_bytes = (uint64_t)blkid_partition_get_start(b) * SECTOR;
		p->size_bytes = (uint64_t)blkid_partition_get_size(b) * SECTOR;
		copy_text(p->label, sizeof(p->label), blkid_partition_get_name(b));
		copy_text(p->type, sizeof(p->type), blkid_partition_get_type_string(b));
		copy_text(p->uuid, sizeof(p->uuid), blkid_partition_get_uuid(b));
	}
	return 0;
}

int gpt_read(int fd, const char *path, struct gpt_table *ret, struct err *err)
{
	CLEANUP(free_probe) blkid_probe pr = blkid_new_probe();
	struct gpt_table t = { 0 };
	blkid_parttable table;
	blkid_partlist list;
	int r;

	if (!pr)
		return err_nomem(err);
	if (blkid_probe_set_device(pr, fd, 0, 0) != 0 ||
	    blkid_probe_enable_partitions(pr, 1) != 0 || blkid_probe_enable_superblocks(pr, 0) != 0)
		return err_setf(err, -EIO, "cannot probe '%s'", path);
	list = blkid_probe_get_partitions(pr);
	table = list ? blkid_partlist_get_table(list) : NULL;
	if (!table || strcmp(blkid_parttable_get_type(table), "gpt") != 0)
		return err_setf(err, -EINVAL, "'%s' has no valid GPT", path);
	copy_text(t.disk_uuid, sizeof(t.disk_uuid), blkid_parttable_get_id(table));
	r = read_parts(list, &t, path, err);
	if (r < 0)
		return r;
	*ret = t;
	return 0;
}

int gpt_probe(int fd, uint64_t start_bytes, uint64_t size_bytes, struct gpt_probe *ret,
	      struct err *err)
{
	CLEANUP(free_probe) blkid_probe pr = blkid_new_probe();
	struct gpt_probe p = { 0 };
	const char *s;
	int r;

	if (!pr)
		return err_nomem(err);
	if (blkid_probe_set_device(pr, fd, (blkid_loff_t)start_bytes, (blkid_loff_t)size_bytes) !=
	    0)
		return err_setf(err, -EIO, "cannot probe the partition at %llu",
				(unsigned long long)start_bytes);
	(void)blkid_probe_enable_superblocks(pr, 1);
	(void)blkid_probe_set_superblocks_flags(pr, BLKID_SUBLKS_TYPE | BLKID_SUBLKS_UUID |
							    BLKID_SUBLKS_LABEL);
	r = blkid_do_safeprobe(pr);
	if (r == -2)
		return err_setf(err, -EINVAL, "two signatures in the partition at %llu",
				(unsigned long long)start_bytes);
	if (r < 0)
		return err_setf(err, -EIO, "cannot read the partition at %llu",
				(unsigned long long)start_bytes);
	if (blkid_probe_lookup_value(pr, "TYPE", &s, NULL) == 0)
		copy_text(p.type, sizeof(p.type), s);
	if (blkid_probe_lookup_value(pr, "UUID", &s, NULL) == 0)
		copy_text(p.uuid, sizeof(p.uuid), s);
	if (blkid_probe_lookup_value(pr, "LABEL", &s, NULL) == 0)
		copy_text(p.label, sizeof(p.label), s);
	*ret = p;
	return 0;
}

int gpt_matches(const struct gpt_table *t, const struct layout *l, struct err *err)
{
	if (t->len != LAYOUT_PARTS)
		return err_setf(err, -EBADMSG, "%zu partitions, not %d", t->len, LAYOUT_PARTS);
	if (strcasecmp(t->disk_uuid, l->disk_uuid) != 0)
		return err_setf(err, -EBADMSG, "disk GUID is %s, not %s", t->disk_uuid,
				l->disk_uuid);
	for (size_t i = 0; i < LAYOUT_PARTS; i++) {
		const struct gpt_part *g = &t->parts[i];
		const struct layout_part *p = &l->parts[i];

		if (g->number != i + 1 || strcmp(g->label, p->label) != 0 ||
		    strcasecmp(g->type, p->type) != 0 || strcasecmp(g->uuid, p->uuid) != 0)
			return err_setf(err, -EBADMSG,
					"entry %zu is '%s' %s of type %s, not '%s' %s of type %s",
					i + 1, g->label, g->uuid, g->type, p->label, p->uuid,
					p->type);
		if (g->start_bytes != p->start_bytes || g->size_bytes != p->size_bytes)
			return err_setf(
				err, -EBADMSG,
				"entry %zu lies at %llu, %llu bytes long, not at %llu, %llu", i + 1,
				(unsigned long long)g->start_bytes,
				(unsigned long long)g->size_bytes,
				(unsigned long long)p->start_bytes,
				(unsigned long long)p->size_bytes);
	}
	return 0;
}
