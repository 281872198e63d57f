#include "probe.h"

#include "file.h"

#include <blkid/blkid.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <string.h>
#include <strings.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <linux/fs.h>

#define MIB ((uint64_t)1 << 20)
#define SAMPLES 512
#define SAMPLE_BYTES 16384

/* What is looked at, and where the findings go. */
struct look {
	int fd;
	uint64_t offset, size;
	struct probe_result *res;
	unsigned char *buf; /* MIB bytes */
};

const char *probe_verdict_to_string(enum probe_verdict v)
{
	static const char *const names[] = { "blank", "ours", "foreign" };

	return (size_t)v < ARRAY_SIZE(names) ? names[v] : "unknown";
}

static void add_find(struct look *l, uint64_t at, const char *fmt, ...) PRINTF_LIKE(3, 4);
static void add_find(struct look *l, uint64_t at, const char *fmt, ...)
{
	struct probe_result *res = l->res;
	struct probe_find *f;
	va_list ap;

	if (res->finds_len == PROBE_FINDS_MAX)
		return;
	f = &res->finds[res->finds_len];
	f->offset_bytes = at;
	va_start(ap, fmt);
	(void)vsnprintf(f->what, sizeof(f->what), fmt, ap);
	va_end(ap);
	for (size_t i = 0; i < res->finds_len; i++)
		if (res->finds[i].offset_bytes == at && strcmp(res->finds[i].what, f->what) == 0)
			return;
	for (char *p = f->what; *p; p++)
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			*p = '?';
	res->finds_len++;
}

static bool read_at(struct look *l, uint64_t at, size_t len)
{
	ssize_t n = pread_upto(l->fd, l->buf, len, l->offset + at);

	if (n == (ssize_t)len)
		return true;
	add_find(l, at, "cannot be read: %s",
		 n < 0 ? strerror((int)-n) : "it ends before its size");
	return false;
}

/* Zero in [at, at + len), clipped to the range? */
static void look_zero(struct look *l, uint64_t at, size_t len)
{
	if (at >= l->size)
		return;
	if (len > l->size - at)
		len = (size_t)(l->size - at);
	if (!read_at(l, at, len))
		return;
	for (size_t i = 0; i < len; i++) {
		if (l->buf[i]) {
			add_find(l, at + i, "data that is not zero");
			return;
		}
	}
}

static void look_data(struct look *l)
{
	uint64_t step = l->size / SAMPLES;

	for (size_t i = 0; i < BLUESTORE_PLACES; i++)
		look_zero(l, bluestore_places[i], MIB);
	look_zero(l, l->size > MIB ? l->size - MIB : 0, MIB);
	for (uint64_t i = 1; i < SAMPLES && step; i++)
		look_zero(l, (i * step) & ~(uint64_t)511, SAMPLE_BYTES);
}

static void look_label(struct look *l, size_t i)
{
	uint64_t at = bluestore_places[i];
	struct bluestore_label label;

	if (l->size < BLUESTORE_LABEL_BYTES || at > l->size - BLUESTORE_LABEL_BYTES ||
	    !read_at(l, at, BLUESTORE_LABEL_BYTES) || !bluestore_looks_like(l->buf))
		return;
	if (bluestore_decode(l->buf, &label) < 0) {
		add_find(l, at, "a damaged BlueStore label");
		return;
	}
	add_find(l, at, "BlueStore label of OSD %s%s%s, %s %s", label.osd_uuid,
		 label.whoami[0] ? ", number " : "", label.whoami,
		 label.ceph_fsid[0] ? "cluster" : "no cluster named:",
		 label.ceph_fsid[0] ? label.ceph_fsid : label.description);
	if (i == 0) {
		l->res->has_label = true;
		l->res->label = label;
	}
}

static void look_gpt(struct look *l)
{
	static const char sig[] = "EFI PART";
	const uint64_t places[] = { 512, 4096, l->size - 512, l->size - 4096 };

	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		if (l->size < 8192 || !read_at(l, places[i], 512))
			continue;
		if (memcmp(l->buf, sig, sizeof(sig) - 1) == 0)
			add_find(l, places[i], "%s GPT header", i < 2 ? "primary" : "backup");
	}
}

static uint64_t value_u64(blkid_probe pr, const char *name)
{
	const char *v;

	return blkid_probe_lookup_value(pr, name, &v, NULL) == 0 ? strtoull(v, NULL, 10) : 0;
}

static const char *value_text(blkid_probe pr, const char *name)
{
	const char *v;

	return blkid_probe_lookup_value(pr, name, &v, NULL) == 0 ? v : NULL;
}

static void add_blkid(struct look *l, blkid_probe pr)
{
	const char *type = value_text(pr, "TYPE"), *pt = value_text(pr, "PTTYPE");
	const char *label = value_text(pr, "LABEL"), *uuid = value_text(pr, "UUID");

	if (type)
		add_find(l, value_u64(pr, "SBMAGIC_OFFSET"), "%s%s%.40s%s%s%.40s", type,
			 label ? " labelled '" : "", label ? label : "", label ? "'" : "",
			 uuid ? ", UUID " : "", uuid ? uuid : "");
	if (pt)
		add_find(l, value_u64(pr, "PTMAGIC_OFFSET"), "a partition table (%s)", pt);
}

/* Every signature libblkid knows, those with a wrong checksum too; not only the likeliest. */
static int look_blkid(struct look *l, struct err *err)
{
	blkid_probe pr = blkid_new_probe();
	int r;

	if (!pr)
		return err_nomem(err);
	if (blkid_probe_set_device(pr, l->fd, (blkid_loff_t)l->offset, (blkid_loff_t)l->size) !=
	    0) {
		add_find(l, 0, "libblkid cannot read it");
		blkid_free_probe(pr);
		return 0;
	}
	(void)blkid_probe_enable_superblocks(pr, 1);
	(void)blkid_probe_set_superblocks_flags(pr, BLKID_SUBLKS_TYPE | BLKID_SUBLKS_LABEL |
							    BLKID_SUBLKS_UUID | BLKID_SUBLKS_MAGIC |
							    BLKID_SUBLKS_BADCSUM);
	(void)blkid_probe_enable_partitions(pr, 1);
	(void)blkid_probe_set_partitions_flags(pr, BLKID_PARTS_MAGIC | BLKID_PARTS_FORCE_GPT);
	while ((r = blkid_do_probe(pr)) == 0)
		add_blkid(l, pr);
	if (r < 0)
		add_find(l, 0, "libblkid cannot read it");
	blkid_free_probe(pr);
	return 0;
}

static enum probe_verdict judge(const struct probe_result *res, const char *our_fsid)
{
	if (res->has_label && our_fsid && res->label.ceph_fsid[0] &&
	    strcasecmp(res->label.ceph_fsid, our_fsid) == 0)
		return PROBE_OURS;
	return res->finds_len ? PROBE_FOREIGN : PROBE_BLANK;
}

int probe_range(int fd, uint64_t offset_bytes, uint64_t size_bytes, const char *our_fsid,
		struct probe_result *ret, struct err *err)
{
	cleanup_free unsigned char *buf = malloc(MIB);
	struct probe_result res = { .size_bytes = size_bytes };
	struct look l = { fd, offset_bytes, size_bytes, &res, buf };
	int r;

	if (!buf)
		return err_nomem(err);
	if (size_bytes == 0)
		add_find(&l, 0, "nothing: its size is 0");
	for (size_t i = 0; i < BLUESTORE_PLACES; i++)
		look_label(&l, i);
	look_gpt(&l);
	r = look_blkid(&l, err);
	if (r < 0)
		return r;
	if (!res.finds_len) /* signatures say more than "data"; without any, data decides */
		look_data(&l);
	res.verdict = judge(&res, our_fsid);
	*ret = res;
	return 0;
}

int probe_path(const char *path, const char *our_fsid, struct probe_result *ret, struct err *err)
{
	cleanup_close int fd = neg_errno(open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK));
	uint64_t size = 0;
	struct stat st;
	int r;

	if (fd < 0)
		return err_errnof(err, fd, "cannot open '%s'", path);
	if (fstat(fd, &st) < 0)
		return err_errnof(err, -errno, "cannot look at '%s'", path);
	if (S_ISBLK(st.st_mode))
		r = ioctl(fd, BLKGETSIZE64, &size) < 0 ? -errno : 0;
	else if (S_ISREG(st.st_mode))
		r = 0, size = (uint64_t)st.st_size;
	else
		return err_setf(err, -ENOTBLK, "'%s' is neither a block device nor a file", path);
	if (r < 0)
		return err_errnof(err, r, "cannot get the size of '%s'", path);
	return probe_range(fd, 0, size, our_fsid, ret, err);
}

const char *probe_advice(const struct probe_result *p)
{
	if (p->verdict == PROBE_BLANK)
		return "nothing was found: it may be used as it is";
	if (p->verdict == PROBE_OURS)
		return "an OSD of this cluster: it is kept";
	if (p->has_label && p->label.ceph_fsid[0])
		return "if this OSD is to be kept, put its cluster's fsid into cluster.yaml as "
		       "storage.fsid; "
		       "if all on it may go, bake once with --wipe NODE=SERIAL";
	return "it is left alone; if all on it may go, bake once with --wipe NODE=SERIAL";
}

void probe_print(const struct probe_result *p, const char *path, FILE *out)
{
	fprintf(out, "%s: %s (%" PRIu64 " bytes)\n", path, probe_verdict_to_string(p->verdict),
		p->size_bytes);
	for (size_t i = 0; i < p->finds_len; i++)
		fprintf(out, "  at 0x%" PRIx64 ": %s\n", p->finds[i].offset_bytes,
			p->finds[i].what);
	fprintf(out, "  %s\n", probe_advice(p));
}

json_t *probe_to_json(const struct probe_result *p, const char *path)
{
	json_t *finds = json_array(), *j;

	for (size_t i = 0; i < p->finds_len; i++)
		(void)json_array_append_new(finds, json_pack("{s:I, s:s}", "offset_bytes",
							     (json_int_t)p->finds[i].offset_bytes,
							     "what", p->finds[i].what));
	j = json_pack("{s:s, s:s, s:I, s:o, s:s}", "path", path, "verdict",
		      probe_verdict_to_string(p->verdict), "size_bytes", (json_int_t)p->size_bytes,
		      "found", finds, "advice", probe_advice(p));
	if (j && p->has_label)
		(void)json_object_set_new(j, "osd",
					  json_pack("{s:s, s:s, s:s}", "uuid", p->label.osd_uuid,
						    "ceph_fsid", p->label.ceph_fsid, "number",
						    p->label.whoami));
	return j;
}
