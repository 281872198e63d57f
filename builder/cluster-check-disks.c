/* cluster-check-disks - disk selectors, and what Ceph's pool needs of them */
#include "cluster-tables.h"

#include <string.h>

#define BOOT_BYTES ((uint64_t)1 << 30)

static bool same(const char *a, const char *b)
{
	return a && b && strcasecmp(a, b) == 0;
}

/* Whether a disk can be told from another by these two selectors alone. */
static bool selectors_differ(const struct disk_selector *a, const struct disk_selector *b)
{
	if (a->serial && b->serial)
		return !same(a->serial, b->serial);
	if (a->wwid && b->wwid)
		return !same(a->wwid, b->wwid);
	if (a->by_id && b->by_id)
		return !same(a->by_id, b->by_id);
	if (a->transport && b->transport && strcmp(a->transport, b->transport) != 0)
		return true;
	return (a->max_bytes && b->min_bytes > a->max_bytes) ||
	       (b->max_bytes && a->min_bytes > b->max_bytes);
}

static bool names_one(const struct disk_selector *s)
{
	return s->serial || s->wwid || s->by_id;
}

static void check_partition(struct check *k, const struct node *n)
{
	const struct disk_selector *sys = &n->system_disk, *ceph = &n->ceph_disk;
	char path[160];

	if (sys->partition_rest) {
		(void)snprintf(path, sizeof(path), "nodes.%s.disks.system.partition", n->name);
		check_at(k, path,
			 "partition belongs to disks.ceph; the system disk is a whole one");
	}
	if (!ceph->partition_rest)
		return;
	if (names_one(ceph) || ceph->transport || ceph->min_bytes || ceph->max_bytes)
		check_pos(k, ceph->pos,
			  "partition: rest is on the system disk; no other condition goes with it");
	if (sys->max_bytes && sys->max_bytes <= k->c->storage.root_size_bytes + BOOT_BYTES) {
		(void)snprintf(path, sizeof(path), "nodes.%s.disks.system.max", n->name);
		check_at(k, path, "storage.root.size leaves nothing of such a disk for Ceph");
	}
}

/* Whether every condition that is written was understood. */
static bool selector_whole(struct check *k, const struct node *n, const struct disk_selector *s,
			   const char *name)
{
	size_t conditions = !!s->serial + !!s->wwid + !!s->by_id + !!s->transport +
			    (s->min_bytes > 0) + (s->max_bytes > 0) + s->partition_rest;
	char path[160];

	(void)snprintf(path, sizeof(path), "nodes.%s.disks.%s", n->name, name);
	return s->present && conditions > 0 && check_find(k, path)->len == conditions;
}

static void check_two_disks(struct check *k, const struct node *n)
{
	const struct disk_selector *sys = &n->system_disk, *ceph = &n->ceph_disk;

	if (!selector_whole(k, n, sys, "system") || !selector_whole(k, n, ceph, "ceph") ||
	    sys->partition_rest || ceph->partition_rest || selectors_differ(sys, ceph))
		return;
	if (same(sys->serial, ceph->serial) || same(sys->wwid, ceph->wwid) ||
	    same(sys->by_id, ceph->by_id))
		check_pos(k, ceph->pos,
			  "disks.ceph is the system disk of '%s'; to share it write {partition: "
			  "rest}",
			  n->name);
	else if (!names_one(sys) && !names_one(ceph))
		check_pos(k, ceph->pos,
			  "disks.ceph may match the system disk of '%s' as well; give its serial, "
			  "wwid "
			  "or by_id",
			  n->name);
}

/* No two nodes can have the same disk. */
static void check_unique_disks(struct check *k, const struct node *n)
{
	const struct disk_selector *mine[] = { &n->system_disk, &n->ceph_disk };

	for (const struct node *o = k->c->nodes; o < n; o++) {
		const struct disk_selector *theirs[] = { &o->system_disk, &o->ceph_disk };

		for (size_t i = 0; i < 4; i++) {
			const struct disk_selector *a = mine[i / 2], *b = theirs[i % 2];

			if (same(a->serial, b->serial) || same(a->wwid, b->wwid) ||
			    same(a->by_id, b->by_id))
				check_pos(k, a->pos, "this disk is one of node '%s' too", o->name);
		}
	}
}

/* Whether the file may mean another disk for Ceph than was understood. */
static bool ceph_unclear(const struct check *k, const struct node *n)
{
	static const char *const keys[] = { "disks", "osd", "on_demand" };
	const struct ynode *nodes = ynode_get(k->root, "nodes"), *own = ynode_get(nodes, n->name);

	if (!own || !ynode_get(own, "disks") || check_keys_told(k, own))
		return true;
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		if (check_told(k, ynode_get(own, keys[i])))
			return true;
	return false;
}

static bool has_osd(const struct node *n)
{
	return n->ceph_disk.present && (!n->on_demand || n->osd == OSD_ALWAYS);
}

static void check_osd(struct check *k, const struct node *n)
{
	char path[128];

	if (n->osd != OSD_ALWAYS || n->ceph_disk.present || ceph_unclear(k, n))
		return;
	(void)snprintf(path, sizeof(path), "nodes.%s.osd", n->name);
	check_at(k, path, "node '%s' has no disks.ceph that could be an OSD", n->name);
}

/* The pool's copies find enough disks. */
static void check_copies(struct check *k, const struct component *rook, size_t hosts, size_t disks)
{
	unsigned int copies = k->c->storage.replicas;

	if (hosts == 0)
		check_pos(k, rook->pos,
			  disks ? "rook-ceph has no disk: every node with disks.ceph is on_demand "
				  "(osd: always would count it)"
				: "rook-ceph has no disk: no node has disks.ceph");
	else if (copies > hosts)
		check_at(k, "storage.replicas",
			 "%u copies need %u nodes with a disk for Ceph; there %s %zu%s", copies,
			 copies, hosts == 1 ? "is" : "are", hosts,
			 disks > hosts ? " (on_demand nodes do not count)" : "");
}

static void check_pool(struct check *k)
{
	const struct component *rook = cluster_component(k->c, "rook-ceph");
	const struct node *first = NULL;
	size_t hosts = 0, disks = 0;
	bool unclear = false;

	if (k->c->components_len == 0 || k->c->nodes_len == 0)
		return; /* told */
	for (size_t i = 0; i < k->c->nodes_len; i++) {
		const struct node *n = &k->c->nodes[i];

		hosts += has_osd(n);
		disks += n->ceph_disk.present;
		first = !first && n->ceph_disk.present ? n : first;
		unclear |= ceph_unclear(k, n);
	}
	if (!rook && first && !check_told(k, ynode_get(k->root, "components")))
		check_pos(k, first->ceph_disk.pos,
			  "a disk for Ceph, but rook-ceph is not among the components");
	if (rook && !unclear)
		check_copies(k, rook, hosts, disks);
}

void cluster_check_disks(struct check *k)
{
	for (size_t i = 0; i < k->c->nodes_len; i++) {
		check_partition(k, &k->c->nodes[i]);
		check_two_disks(k, &k->c->nodes[i]);
		check_osd(k, &k->c->nodes[i]);
		check_unique_disks(k, &k->c->nodes[i]);
	}
	check_pool(k);
}
