/*
 * cache-gc - what of the cache no lock names any more, and nobody used for long
 *
 * Looked at are the folders sha256, base and images, and in them only names that are digests;
 * all else is left alone. Kept is what was named by gc_keep_*(), what a kept JSON document names
 * in turn ("sha256:<hex>": an image's index, its manifests, their layers), and what was read or
 * written less than a given time ago: other clusters share the cache.
 *
 * Ownership: a plan owns its items. Units: bytes on disk; seconds.
 */
#pragma once

#include "cluster.h"
#include "err.h"

struct gc_keep {
	struct string_list names; /* "sha256/<hex>", "base/<key>", "images/<id>" */
};
/* All that the cluster's lock, its base roots and the images in its out/ name. */
int gc_keep_cluster(struct gc_keep *k, const struct cluster *c, struct err *err) MUST_CHECK;
void gc_keep_done(struct gc_keep *k);
#define cleanup_gc_keep CLEANUP(gc_keep_done)

struct gc_item {
	char *name; /* owned; "base/<key>.tar" */
	uint64_t bytes;
	int64_t used_s; /* when it was last read or written */
};
struct gc_plan {
	struct gc_item *items; /* owned, sorted by name */
	size_t len, kept, young;
	uint64_t bytes, kept_bytes, young_bytes; /* young: named by nobody, used lately */
};
/* @k grows by what kept documents name. @min_age_s: since the last use. */
int gc_plan_make(struct gc_keep *k, int64_t now_s, uint64_t min_age_s, struct gc_plan *ret,
		 struct err *err) MUST_CHECK;
void gc_plan_done(struct gc_plan *p);
#define cleanup_gc_plan CLEANUP(gc_plan_done)
/* -EBUSY: a bake is at work. Looks again before each: what was used meanwhile stays. */
int gc_plan_remove(const struct gc_plan *p, struct err *err) MUST_CHECK;
