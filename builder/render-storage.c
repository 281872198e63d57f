/* render-storage - how far root grows, and the one name that CephCluster uses */
#include "render.h"

#include "buf.h"
#include "derive.h"

#include <ctype.h>
#include <inttypes.h>
#include <string.h>

#define SECTOR_BYTES 512 /* unit of a block device's size in sysfs, whatever the disk's */

/*
 * Where Ceph gets what root leaves, an OSD may lie in the free space of an image that was
 * written anew: root must not grow before kiln-node has looked. systemd-repart.service would
 * grow it in any boot.
 */
static int hold_repart(const struct render *in, struct fileset *fs, struct err *err)
{
	if (!in->node->ceph_disk.partition_rest)
		return 0;
	return render_link(fs, "/etc/systemd/system/systemd-repart.service", "/dev/null", err);
}

static int repart(const struct render *in, struct fileset *fs, struct err *err)
{
	const char *type = root_partition_type(in->board->arch);

	if (!type)
		return err_setf(err, -EINVAL,
				"board '%s': no partition type of root for architecture '%s'",
				in->board->name, in->board->arch);
	return fileset_addf(
		fs, "/etc/repart.d/50-root.conf", 0644, 0, err,
		"# Root grows to storage.root.size, or to what the disk has. No other partition\n"
		"# is defined: systemd-repart makes none and touches none.\n"
		"[Partition]\n"
		"Type=%s\n"
		"SizeMaxBytes=%" PRIu64 "\n",
		type, in->cluster->storage.root_size_bytes);
}

/* udev's match values are patterns and have no way to quote: refuse what is not plain. */
static int plain(const char *s, const char *what, struct err *err)
{
	for (const char *p = s; *p; p++)
		if (!isalnum((unsigned char)*p) && !strchr("._:+=@,-", *p))
			return err_setf(
				err, -EINVAL,
				"ceph disk: %s has a character that a udev rule cannot match; "
				"name the disk by another property",
				what);
	return 0;
}

static const char *bus_rule(const char *transport)
{
	static const struct {
		const char *transport, *rule;
	} rules[] = {
		{ "nvme", "KERNEL!=\"nvme*\"" },   { "mmc", "KERNEL!=\"mmcblk*\"" },
		{ "virtio", "KERNEL!=\"vd*\"" },   { "sata", "ENV{ID_BUS}!=\"ata\"" },
		{ "usb", "ENV{ID_BUS}!=\"usb\"" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rules); i++)
		if (strcmp(rules[i].transport, transport) == 0)
			return rules[i].rule;
	return NULL;
}

/*
 * Every line leaves when a condition does not hold. udev compares no numbers: sizes are
 * asked of test(1). An attribute that is missing makes a match fail in either sense, so
 * it goes through a property first.
 */
static int disk_rules(const struct disk_selector *d, struct buf *b, struct err *err)
{
	int r;

	(void)buf_adds(b, "ENV{DEVTYPE}!=\"disk\", GOTO=\"kiln_ceph_end\"\n");
	if (d->transport) {
		const char *rule = bus_rule(d->transport);

		if (!rule)
			return err_setf(err, -EINVAL, "ceph disk: no udev rule for transport '%s'",
					d->transport);
		(void)buf_addf(b, "%s, GOTO=\"kiln_ceph_end\"\n", rule);
	}
	if (d->serial) {
		r = plain(d->serial, "its serial", err);
		if (r < 0)
			return r;
		(void)buf_addf(b,
			       "ENV{ID_SERIAL_SHORT}!=\"%s\", ENV{ID_SERIAL}!=\"%s\", "
			       "GOTO=\"kiln_ceph_end\"\n",
			       d->serial, d->serial);
	}
	if (d->wwid) {
		r = plain(d->wwid, "its wwid", err);
		if (r < 0)
			return r;
		(void)buf_addf(b,
			       "ENV{.KILN_WWID}=\"$attr{wwid}\"\n"
			       "ENV{.KILN_DEVICE_WWID}=\"$attr{device/wwid}\"\n"
			       "ENV{.KILN_WWID}!=\"%s\", ENV{.KILN_DEVICE_WWID}!=\"%s\", "
			       "ENV{ID_WWN}!=\"%s\", GOTO=\"kiln_ceph_end\"\n",
			       d->wwid, d->wwid, d->wwid);
	}
	if (d->by_id) {
		r = plain(d->by_id, "its name in /dev/disk/by-id", err);
		if (r < 0)
			return r;
		(void)buf_addf(b, "SYMLINK!=\"disk/by-id/%s\", GOTO=\"kiln_ceph_end\"\n", d->by_id);
	}
	if (d->min_bytes > 0)
		(void)buf_addf(b,
			       "PROGRAM!=\"/usr/bin/test $attr{size} -ge %" PRIu64 "\", "
			       "GOTO=\"kiln_ceph_end\"\n",
			       (d->min_bytes + SECTOR_BYTES - 1) / SECTOR_BYTES);
	if (d->max_bytes > 0)
		(void)buf_addf(b,
			       "PROGRAM!=\"/usr/bin/test $attr{size} -le %" PRIu64 "\", "
			       "GOTO=\"kiln_ceph_end\"\n",
			       d->max_bytes / SECTOR_BYTES);
	return 0;
}

static int partition_rules(const struct render *in, struct buf *b, struct err *err)
{
	cleanup_secret struct secret id = { 0 };
	char guid[GUID_TEXT_MAX];
	struct guid g;
	int r;

	r = in->secrets->get(in->cluster, "cluster-id", &id, err);
	if (r < 0)
		return r;
	id.data[strcspn(id.data, "\n")] = '\0';
	node_ceph_partition_guid(id.data, in->node, &g);
	/* By GUID, not by label: a stick with a partition of that label must not take the name. */
	(void)buf_addf(b,
		       "ENV{DEVTYPE}!=\"partition\", GOTO=\"kiln_ceph_end\"\n"
		       "ENV{ID_PART_ENTRY_UUID}!=\"%s\", GOTO=\"kiln_ceph_end\"\n",
		       guid_format(&g, guid));
	return 0;
}

static int ceph_rule(const struct render *in, struct fileset *fs, struct err *err)
{
	const struct disk_selector *d = &in->node->ceph_disk;
	cleanup_buf struct buf b = BUF_INIT(NODE_FILE_MAX);
	int r;

	if (!d->present)
		return 0;
	(void)buf_adds(
		&b,
		"# /dev/disk/by-kiln/ceph: the only name by which Ceph gets a disk of this node.\n"
		"ACTION==\"remove\", GOTO=\"kiln_ceph_end\"\n"
		"SUBSYSTEM!=\"block\", GOTO=\"kiln_ceph_end\"\n");
	r = d->partition_rest ? partition_rules(in, &b, err) : disk_rules(d, &b, err);
	if (r < 0)
		return r;
	(void)buf_adds(&b, "SYMLINK+=\"disk/by-kiln/ceph\"\n"
			   "LABEL=\"kiln_ceph_end\"\n");
	r = buf_error(&b);
	if (r < 0)
		return err_errnof(err, r, "cannot render the udev rule");
	return fileset_addf(fs, "/etc/udev/rules.d/90-kiln-ceph.rules", 0644, 0, err, "%s",
			    buf_str(&b));
}

int render_storage(const struct render *in, struct fileset *fs, struct err *err)
{
	int r = repart(in, fs, err);

	if (r >= 0)
		r = hold_repart(in, fs, err);
	return r < 0 ? r : ceph_rule(in, fs, err);
}
