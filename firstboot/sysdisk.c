#include "sysdisk.h"

#include "parse.h"

#include <inttypes.h>
#include <libfdisk.h>
#include <strings.h>

#define LINUX_DATA "0FC63DAF-8483-4772-8E79-3D69D8477DE4"
#define GPT_END                                                                                    \
	((uint64_t)1 << 20) /* some tools leave as much for the backup as for the primary          \
			     */

static void unref_context(struct fdisk_context **c)
{
	if (*c)
		fdisk_unref_context(*c);
}
static void unref_table(struct fdisk_table **t)
{
	if (*t)
		fdisk_unref_table(*t);
}
static void unref_partition(struct fdisk_partition **p)
{
	if (*p)
		fdisk_unref_partition(*p);
}
#define cleanup_context CLEANUP(unref_context)
#define cleanup_table CLEANUP(unref_table)

static int open_gpt(const char *path, int read_only, struct fdisk_context **ret, struct err *err)
{
	cleanup_context struct fdisk_context *cxt = fdisk_new_context();
	int r;

	if (!cxt)
		return err_nomem(err);
	(void)fdisk_disable_dialogs(cxt, 1);
	r = fdisk_assign_device(cxt, path, read_only);
	if (r < 0)
		return err_errnof(err, r, "cannot read the partition table of '%s'", path);
	if (!fdisk_is_labeltype(cxt, FDISK_DISKLABEL_GPT))
		return err_setf(err, -EINVAL, "'%s' has no GPT", path);
	*ret = TAKE_PTR(cxt);
	return 0;
}

static void take_part(const struct fdisk_context *cxt, struct fdisk_partition *p,
		      unsigned int root_number, const char *ceph_guid, struct sysdisk *d)
{
	uint64_t sector = fdisk_get_sector_size((struct fdisk_context *)(uintptr_t)cxt);
	uint64_t start = fdisk_partition_get_start(p) * sector;
	uint64_t end = start + fdisk_partition_get_size(p) * sector;
	const char *uuid = fdisk_partition_get_uuid(p);

	if (fdisk_partition_get_partno(p) + 1 == root_number) {
		d->root_start = start;
		d->root_end = end;
	} else if (ceph_guid && uuid && strcasecmp(uuid, ceph_guid) == 0) {
		d->has_ceph = true;
		d->ceph_start = start;
		d->ceph_end = end;
	}
}

/* The first partition that starts behind root, Ceph's too. */
static void find_next(const struct fdisk_context *cxt, struct fdisk_table *t, struct sysdisk *d)
{
	uint64_t sector = fdisk_get_sector_size((struct fdisk_context *)(uintptr_t)cxt);

	for (size_t i = 0; i < fdisk_table_get_nents(t); i++) {
		struct fdisk_partition *p = fdisk_table_get_partition(t, i);
		uint64_t start = fdisk_partition_get_start(p) * sector;

		if (start < d->root_end || (d->next_start && start >= d->next_start))
			continue;
		d->next_start = start;
		d->next_number = (unsigned int)fdisk_partition_get_partno(p) + 1;
	}
}

int sysdisk_read(const char *path, unsigned int root_number, const char *ceph_guid,
		 struct sysdisk *ret, struct err *err)
{
	cleanup_context struct fdisk_context *cxt = NULL;
	cleanup_table struct fdisk_table *t = NULL;
	struct sysdisk d = { 0 };
	int r = open_gpt(path, 1, &cxt, err);

	if (r < 0)
		return r;
	if (fdisk_get_partitions(cxt, &t) != 0)
		return err_setf(err, -EIO, "cannot list the partitions of '%s'", path);
	d.size_bytes = fdisk_get_nsectors(cxt) * fdisk_get_sector_size(cxt);
	if (d.size_bytes < 2 * GPT_END)
		return err_setf(err, -EINVAL, "'%s' is too small", path);
	d.free_end = (d.size_bytes - GPT_END) / SYSDISK_GRAIN * SYSDISK_GRAIN;
	for (size_t i = 0; i < fdisk_table_get_nents(t); i++)
		take_part(cxt, fdisk_table_get_partition(t, i), root_number, ceph_guid, &d);
	if (!d.root_end)
		return err_setf(err, -ENOENT, "'%s' has no partition %u", path, root_number);
	find_next(cxt, t, &d);
	*ret = d;
	return 0;
}

int sysdisk_ceph_range(const struct sysdisk *d, uint64_t root_size_bytes, uint64_t *ret_start,
		       uint64_t *ret_end, struct err *err)
{
	char left[SIZE_TEXT_MAX];
	uint64_t start;

	if (d->next_start)
		return err_setf(err, -EEXIST,
				"partition %u is behind root: there is no room for Ceph's, and it "
				"is not touched",
				d->next_number);
	if (size_add(d->root_start, root_size_bytes, &start) < 0 ||
	    size_add(start > d->root_end ? start : d->root_end, SYSDISK_GRAIN - 1, &start) < 0)
		return err_setf(err, -ERANGE, "storage.root.size is impossible");
	start = start / SYSDISK_GRAIN * SYSDISK_GRAIN;
	if (start >= d->free_end || d->free_end - start < CEPH_SIZE_MIN)
		return err_setf(err, -ENOSPC,
				"root of storage.root.size leaves %s of the disk to Ceph, which "
				"needs 5 GiB: make root smaller or take a larger disk",
				size_human(start < d->free_end ? d->free_end - start : 0, left));
	*ret_start = start;
	*ret_end = d->free_end;
	return 0;
}

/* Of a disk that is larger than its image was, the end is not usable before the backup moved. */
static int use_whole_disk(const char *path, uint64_t end, struct err *err)
{
	cleanup_context struct fdisk_context *cxt = NULL;
	int r = open_gpt(path, 0, &cxt, err);

	if (r < 0)
		return r;
	if ((fdisk_get_last_lba(cxt) + 1) * fdisk_get_sector_size(cxt) >= end)
		return 0;
	(void)fdisk_enable_wipe(cxt, 0);
	r = fdisk_write_disklabel(cxt);
	if (r == 0)
		r = fdisk_deassign_device(cxt, 0);
	return r < 0 ? err_errnof(err, r, "cannot move the backup table of '%s' to its end", path)
		     : 0;
}

static int add_entry(struct fdisk_context *cxt, const char *guid, const char *label, uint64_t start,
		     uint64_t end)
{
	CLEANUP(unref_partition) struct fdisk_partition *p = fdisk_new_partition();
	struct fdisk_parttype *type =
		fdisk_label_get_parttype_from_string(fdisk_get_label(cxt, NULL), LINUX_DATA);
	uint64_t sector = fdisk_get_sector_size(cxt);
	int r = p && type ? 0 : -ENOMEM;

	if (r == 0)
		r = fdisk_partition_set_type(p, type);
	if (r == 0)
		r = fdisk_partition_set_start(p, start / sector);
	if (r == 0)
		r = fdisk_partition_set_size(p, (end - start) / sector);
	if (r == 0)
		r = fdisk_partition_partno_follow_default(p, 1);
	if (r == 0)
		r = fdisk_partition_set_name(p, label);
	if (r == 0)
		r = fdisk_partition_set_uuid(p, guid);
	if (r == 0)
		r = fdisk_add_partition(cxt, p, NULL);
	if (type)
		fdisk_unref_parttype(type);
	return r > 0 ? -EINVAL : r;
}

static bool is_free(struct fdisk_context *cxt, struct fdisk_table *t, uint64_t start, uint64_t end)
{
	uint64_t sector = fdisk_get_sector_size(cxt);

	for (size_t i = 0; i < fdisk_table_get_nents(t); i++) {
		struct fdisk_partition *p = fdisk_table_get_partition(t, i);
		uint64_t at = fdisk_partition_get_start(p) * sector;

		if (at < end && start < at + fdisk_partition_get_size(p) * sector)
			return false;
	}
	return true;
}

int sysdisk_add_ceph(const char *path, const char *guid, const char *label, uint64_t start,
		     uint64_t end, struct err *err)
{
	cleanup_context struct fdisk_context *cxt = NULL;
	cleanup_table struct fdisk_table *before = NULL;
	int r = use_whole_disk(path, end, err);

	if (r >= 0)
		r = open_gpt(path, 0, &cxt, err);
	if (r < 0)
		return r;
	if (fdisk_get_partitions(cxt, &before) != 0)
		return err_setf(err, -EIO, "cannot list the partitions of '%s'", path);
	if (start >= end || !is_free(cxt, before, start, end))
		return err_setf(err, -EEXIST,
				"bytes %" PRIu64 " to %" PRIu64
				" of '%s' are not free in its table",
				start, end, path);
	(void)fdisk_enable_wipe(cxt, 0);
	r = add_entry(cxt, guid, label, start, end);
	if (r == 0)
		r = fdisk_write_disklabel(cxt);
	if (r < 0)
		return err_errnof(err, r, "cannot add Ceph's partition to '%s'", path);
	/* The kernel learns of the one new entry; root, which is mounted, is not touched. */
	r = fdisk_reread_changes(cxt, before);
	if (r < 0)
		return err_errnof(err, r, "the kernel does not take the table of '%s'", path);
	r = fdisk_deassign_device(cxt, 0);
	return r < 0 ? err_errnof(err, r, "cannot write the table of '%s'", path) : 0;
}
