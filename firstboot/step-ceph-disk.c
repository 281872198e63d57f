/*
 * Ceph's disk, or its part of the system disk, is judged before anything is done to it:
 * blank is taken as it is, an OSD of ours is kept, all else is refused. What was taken once
 * is remembered in the journal: from then on it is Ceph's business and never looked at with
 * an eye to wiping.
 */
#include "agent.h"
#include "digest.h"
#include "disk-wipe.h"
#include "disks.h"
#include "parse.h"

#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <linux/fs.h>

#define STEP "ceph-disk"
#define SCAN_MS 3000

/* What is judged: a range of an open device. */
struct judged {
	const char *path;   /* of the device, for messages */
	const char *serial; /* of the disk, "" without */
	struct stat st;	    /* of the descriptor that is judged, and open meanwhile */
	char id[160];	    /* the same in every boot */
	uint64_t offset, size;
	bool whole;
};

static void find_texts(const struct probe_result *p, char *dst, size_t size)
{
	size_t n = 0;

	*dst = '\0';
	for (size_t i = 0; i < p->finds_len && i < 2 && n < size; i++)
		n += (size_t)snprintf(dst + n, size - n, "%s%s at 0x%jx", i ? ", " : "",
				      p->finds[i].what, (uintmax_t)p->finds[i].offset_bytes);
	if (p->finds_len > 2 && n < size)
		(void)snprintf(dst + n, size - n, " and %zu more", p->finds_len - 2);
}

static int accept(struct agent *a, const struct judged *j, const struct probe_result *found,
		  struct step_turn *turn, struct err *err)
{
	char size[SIZE_TEXT_MAX];
	int r = 0;

	/* A wipe that was asked for concerned what was there before: it is over now. */
	if (wipe_granted(a->journal, &a->node.storage.wipe, j->serial) != WIPE_NO)
		r = wipe_end(a->journal, j->serial, err);
	if (r >= 0)
		r = journal_add(a->journal, STEP, "accepted", j->id, err);
	if (r < 0)
		return r;
	if (found->verdict == PROBE_OURS)
		step_reasonf(turn, "%s: OSD %s of this cluster is kept", j->path,
			     found->label.whoami[0] ? found->label.whoami : found->label.osd_uuid);
	else
		step_reasonf(turn, "%s: %s%s, blank, is Ceph's", j->path,
			     j->whole ? "" : "the last ", size_human(j->size, size));
	return TURN_DONE;
}

static bool same_device(const struct stat *a, const struct stat *b)
{
	if (S_ISBLK(a->st_mode) || S_ISBLK(b->st_mode))
		return S_ISBLK(a->st_mode) && S_ISBLK(b->st_mode) && a->st_rdev == b->st_rdev;
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

static int open_to_wipe(const struct judged *j, struct err *err)
{
	/* The system disk is mounted: there the range alone is ours, and was checked to be free. */
	cleanup_close int fd =
		neg_errno(open(j->path, O_RDWR | O_CLOEXEC | (j->whole ? O_EXCL : 0)));
	struct stat st;

	if (fd < 0)
		return err_errnof(err, fd, "cannot open '%s' to wipe it", j->path);
	if (fstat(fd, &st) < 0)
		return err_errnof(err, -errno, "cannot look at '%s'", j->path);
	if (!same_device(&st, &j->st))
		return err_setf(err, -ESTALE, "'%s' is not what was judged: it is left alone",
				j->path);
	return TAKE_FD(fd);
}

static int wipe(struct agent *a, const struct judged *j, enum wipe_grant grant,
		struct step_turn *turn, struct err *err)
{
	cleanup_close int fd = open_to_wipe(j, err);
	int r = fd;

	if (r >= 0 && grant == WIPE_NEW)
		r = wipe_begin(a->journal, j->serial, err);
	if (r >= 0)
		r = wipe_range(fd, j->offset, j->size, a->node.cluster.fsid, err);
	if (r < 0)
		return err_wrapf(err, r, "wiping %s", j->path);
	a->ceph_scan = (struct ceph_scan){ 0 };
	step_reasonf(turn, "%s was wiped, as asked by the serial %s", j->path, j->serial);
	return TURN_MORE;
}

static int decide(struct agent *a, const struct judged *j, const struct probe_result *found,
		  struct step_turn *turn, struct err *err)
{
	enum wipe_grant grant = wipe_granted(a->journal, &a->node.storage.wipe, j->serial);
	char finds[256];

	find_texts(found, finds, sizeof(finds));
	if (journal_last(a->journal, STEP, "accepted", j->id)) {
		step_reasonf(turn, "%s was taken in an earlier boot%s%s", j->path,
			     finds[0] ? " and has " : "", finds);
		return TURN_DONE;
	}
	if (found->verdict != PROBE_FOREIGN)
		return accept(a, j, found, turn, err);
	if (grant != WIPE_NO)
		return wipe(a, j, grant, turn, err);
	return err_setf(err, -EEXIST, "%s (serial %s) is not blank: %s; %s", j->path,
			j->serial[0] ? j->serial : "none", finds, probe_advice(found));
}

static int open_disk(const struct agent *a, const char *path, struct stat *st, struct err *err)
{
	cleanup_close int fd = neg_errno(open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK));

	if (fd < 0)
		return err_errnof(err, fd, "cannot open '%s'", path);
	if (fstat(fd, st) < 0)
		return err_errnof(err, -errno, "cannot look at '%s'", path);
	if (!S_ISBLK(st->st_mode) && (!agent_prefix(a)[0] || !S_ISREG(st->st_mode)))
		return err_setf(err, -ENOTBLK, "'%s' is no block device", path);
	return TAKE_FD(fd);
}

static int size_of(int fd, const char *path, uint64_t *ret, struct err *err)
{
	struct stat st;
	int r = fstat(fd, &st) < 0 ? -errno : 0;

	if (r == 0 && S_ISREG(st.st_mode))
		*ret = (uint64_t)st.st_size;
	else if (r == 0)
		r = ioctl(fd, BLKGETSIZE64, ret) < 0 ? -errno : 0;
	return r < 0 ? err_errnof(err, r, "cannot get the size of '%s'", path) : 0;
}

/*
 * What the journal calls the disk: the same in every boot, another one for every disk. A text
 * that the journal would not give back as it is stands there as its digest.
 */
static void whole_id(struct judged *j, const struct disk_facts *f)
{
	const char *kind = f->serial[0] ? "serial" : f->wwid[0] ? "wwid" : "name";
	const char *text = f->serial[0] ? f->serial : f->wwid[0] ? f->wwid : f->name;
	size_t len = strlen(text);
	bool exact = len <= 100;
	char hex[SHA256_HEX_MAX];

	for (size_t i = 0; i < len; i++)
		exact &= text[i] >= 0x20 && text[i] <= 0x7e;
	(void)snprintf(j->id, sizeof(j->id), "disk:%s%s:%.100s", kind, exact ? "" : "-sha256",
		       exact ? text : sha256_mem_hex(text, len, hex));
}

static int whole_disk(struct agent *a, const struct init_facts *sys, struct step_turn *turn,
		      struct err *err)
{
	cleanup_disk_list struct disk_list l = { 0 };
	struct judged j = { .whole = true };
	cleanup_free char *path = NULL;
	cleanup_close int fd = -EBADF;
	struct probe_result found;
	size_t at;
	int r = disks_list(agent_prefix(a), sys->disk, &l, err);

	if (r < 0)
		return r;
	r = disks_pick(&l, a->node.storage.ceph->disk, &at, err);
	if (r < 0 && r != -EBUSY)
		return r;
	whole_id(&j, &l.items[at].facts);
	if (r == -EBUSY && !l.items[at].is_system &&
	    journal_last(a->journal, STEP, "accepted", j.id)) {
		step_reasonf(turn, "%s was taken in an earlier boot: %s", l.items[at].facts.name,
			     l.items[at].why);
		return TURN_DONE;
	}
	if (r < 0)
		return r;
	path = agent_device(a, l.items[at].facts.name);
	if (!path)
		return err_nomem(err);
	j.path = path;
	j.serial = l.items[at].facts.serial;
	r = fd = open_disk(a, path, &j.st, err);
	if (r >= 0)
		r = disks_still(agent_prefix(a), &l.items[at], &j.st, err);
	if (r >= 0)
		r = size_of(fd, path, &j.size, err);
	if (r >= 0)
		r = probe_range(fd, 0, j.size, a->node.cluster.fsid, &found, err);
	return r < 0 ? r : decide(a, &j, &found, turn, err);
}

/* @j: path, serial and st are set. */
static int judge_partition(struct agent *a, const struct sysdisk *d, struct judged *j, int fd,
			   struct step_turn *turn, struct err *err)
{
	struct probe_result found;
	struct ceph_range range;
	int r = ceph_range_judge(fd, d, &a->ceph_scan, a->node.storage.root_size_bytes,
				 a->node.cluster.fsid, &range, &found, err);

	if (r < 0)
		return err_wrapf(err, r, "%s", j->path);
	if (range.start < d->root_end || range.end > d->size_bytes || range.start >= range.end)
		return err_setf(err, -ERANGE, "%s: Ceph's part is not behind root", j->path);
	j->offset = range.start;
	j->size = range.end - range.start;
	(void)snprintf(j->id, sizeof(j->id), "partition:%.40s",
		       a->node.storage.ceph->partition_uuid);
	for (size_t i = 0; i < found.finds_len; i++) /* as places on the disk */
		found.finds[i].offset_bytes += range.start;
	r = decide(a, j, &found, turn, err);
	if (r == TURN_DONE)
		a->ceph_range = range;
	return r;
}

static int partition(struct agent *a, const struct init_facts *sys, struct step_turn *turn,
		     struct err *err)
{
	uint64_t number = disks_number(agent_prefix(a), sys->root, "partition");
	cleanup_free char *path = agent_device(a, sys->disk), *sysfs = agent_path(a, "sys");
	cleanup_close int fd = -EBADF;
	struct judged j = { .path = path };
	struct disk_facts facts;
	struct sysdisk d;
	int r;

	if (!path || !sysfs)
		return err_nomem(err);
	if (!a->node.storage.ceph->partition_uuid)
		return err_setf(err, -EINVAL, "node.json has no storage.ceph.partition_uuid");
	r = disk_facts_read(sysfs, sys->disk, &facts, err);
	if (r >= 0)
		r = fd = open_disk(a, path, &j.st, err);
	if (r >= 0)
		r = sysdisk_read(path, (unsigned int)number, a->node.storage.ceph->partition_uuid,
				 &d, err);
	if (r >= 0 && !d.has_ceph && !a->ceph_scan.finished)
		r = ceph_scan_some(fd, &d, SCAN_MS, &a->ceph_scan, err);
	if (r < 0)
		return r;
	if (!d.has_ceph && !a->ceph_scan.finished) {
		step_reasonf(turn, "looking for an OSD on %s behind root: %ju of %ju GiB", path,
			     (uintmax_t)(a->ceph_scan.at >> 30), (uintmax_t)(d.free_end >> 30));
		return TURN_MORE;
	}
	j.serial = facts.serial;
	return judge_partition(a, &d, &j, fd, turn, err);
}

int step_ceph_disk(struct agent *a, struct step_turn *turn, struct err *err)
{
	struct init_facts sys;
	int r;

	if (!a->node.storage.ceph) {
		step_reasonf(turn, "this node has no disk for Ceph");
		return TURN_DONE;
	}
	r = init_facts_read(agent_prefix(a), &sys, err);
	if (r < 0)
		return err_wrapf(err, r,
				 "it is not known which disk the system is on, so none is taken");
	if (a->node.storage.ceph->partition)
		return partition(a, &sys, turn, err);
	if (!a->node.storage.ceph->disk)
		return err_setf(err, -EINVAL, "node.json names no disk for Ceph");
	return whole_disk(a, &sys, turn, err);
}
