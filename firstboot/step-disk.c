/*
 * Root grows, then Ceph's partition gets its entry. With a partition for Ceph nothing is
 * done before step ceph-disk knows its range: root never grows into it.
 */
#include "agent.h"
#include "disks.h"
#include "root-grow.h"
#include "spawn.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#define STEP "disk"
#define TOOL_TIMEOUT_MS 30000

struct work {
	struct init_facts sys;
	char *path; /* owned; of root's disk */
	unsigned int root_number;
};
static void work_done(struct work *w)
{
	free(w->path);
}

static int run_tool(const char *const *argv, struct err *err)
{
	cleanup_spawn struct spawn s = { .argv = argv, .timeout_ms = TOOL_TIMEOUT_MS };

	return spawn_run(&s, err);
}

/* How large root may be: storage.root.size, and never into Ceph's range. */
static uint64_t root_limit(const struct agent *a, const struct sysdisk *d)
{
	uint64_t max = a->node.storage.root_size_bytes;

	if (a->ceph_range.is_set && a->ceph_range.start - d->root_start < max)
		max = a->ceph_range.start - d->root_start;
	return max;
}

static int grow_table(struct agent *a, const struct work *w, const struct sysdisk *d,
		      struct err *err)
{
	cleanup_free char *defs = agent_path(a, "etc/repart.d");
	cleanup_free char *scratch = agent_path(a, RUN_DIR "/repart.d");
	uint64_t max = root_limit(a, d);
	char detail[96];
	bool grew;
	int r;

	if (!defs || !scratch)
		return err_nomem(err);
	if (d->root_end - d->root_start >= max)
		return 0;
	if (mkdirat(a->run_fd, "repart.d", 0755) < 0 && errno != EEXIST)
		return err_errnof(err, -errno, "cannot make '%s'", scratch);
	(void)snprintf(detail, sizeof(detail), "to at most %ju bytes", (uintmax_t)max);
	r = journal_add(a->journal, STEP, "grow", detail, err);
	return r < 0 ? r : root_grow(w->path, w->root_number, defs, scratch, max, &grew, err);
}

/* The kernel may have kept root's old size, as when the power went between the two. */
static int grow_kernel(struct agent *a, const struct work *w, const struct sysdisk *d,
		       struct err *err)
{
	char number[16];

	if (disks_number(agent_prefix(a), w->sys.root, "size") * 512 >= d->root_end - d->root_start)
		return 0;
	(void)snprintf(number, sizeof(number), "%u", w->root_number);
	return run_tool((const char *const[]){ "partx", "--update", "--nr", number, w->path, NULL },
			err);
}

static int add_entry(struct agent *a, const struct work *w, struct err *err)
{
	const struct node_ceph *c = a->node.storage.ceph;
	char detail[96];
	int r;

	(void)snprintf(detail, sizeof(detail), "%ju to %ju", (uintmax_t)a->ceph_range.start,
		       (uintmax_t)a->ceph_range.end);
	r = journal_add(a->journal, STEP, "entry", detail, err);
	if (r >= 0)
		r = sysdisk_add_ceph(w->path, c->partition_uuid,
				     c->partition_label ? c->partition_label : "ceph-osd",
				     a->ceph_range.start, a->ceph_range.end, err);
	if (r >= 0)
		r = run_tool((const char *const[]){ "udevadm", "settle", "--timeout=10", NULL },
			     err);
	return r;
}

static int do_disk(struct agent *a, const struct work *w, bool partition, struct step_turn *turn,
		   struct err *err)
{
	const char *guid = partition ? a->node.storage.ceph->partition_uuid : NULL;
	struct sysdisk d;
	int r = sysdisk_read(w->path, w->root_number, guid, &d, err);

	if (r >= 0)
		r = grow_table(a, w, &d, err);
	if (r >= 0)
		r = sysdisk_read(w->path, w->root_number, guid, &d, err);
	if (r >= 0)
		r = grow_kernel(a, w, &d, err);
	if (r >= 0)
		r = run_tool((const char *const[]){ "btrfs", "filesystem", "resize", "max", a->root,
						    NULL },
			     err);
	if (r >= 0 && partition && !d.has_ceph)
		r = add_entry(a, w, err);
	if (r < 0)
		return r;
	step_reasonf(turn, "root has %ju MiB of %s", (uintmax_t)((d.root_end - d.root_start) >> 20),
		     w->sys.disk);
	return TURN_DONE;
}

static bool range_is_known(const struct agent *a, struct step_turn *turn)
{
	const struct step_status *st = engine_status(&a->engine, "ceph-disk");

	if (a->ceph_range.is_set)
		return true;
	step_reasonf(turn, "root does not grow before step ceph-disk knows what is behind it%s%s",
		     st && st->state == STEP_FAILED ? ": " : "",
		     st && st->state == STEP_FAILED ? "it failed" : "");
	return false;
}

int step_disk(struct agent *a, struct step_turn *turn, struct err *err)
{
	bool partition = a->node.storage.ceph && a->node.storage.ceph->partition;
	CLEANUP(work_done) struct work w = { 0 };
	int r = init_facts_read(agent_prefix(a), &w.sys, err);

	if (r == -ENOENT && !partition) {
		step_reasonf(turn, "kiln-init did not start this root: its disk is left as it is");
		return TURN_DONE;
	}
	if (r < 0)
		return err_wrapf(err, r, "it is not known which disk root is on");
	if (partition && !range_is_known(a, turn))
		return TURN_WAIT;
	w.path = agent_device(a, w.sys.disk);
	if (!w.path)
		return err_nomem(err);
	w.root_number = (unsigned int)disks_number(agent_prefix(a), w.sys.root, "partition");
	return do_disk(a, &w, partition, turn, err);
}
