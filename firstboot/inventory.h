/*
 * inventory - how far the sequence is, kept in the cluster: ConfigMap kiln-system/inventory
 *
 * One key a component, its value one line an object: "<word> <digest> <key>", as the journal
 * has them; the line "handed-over" when the component is another's. A control-plane that
 * takes over, or was imaged anew, goes on from there and repeats no hook. Lines of
 * objects that the bundle no longer has stay: nothing is pruned, but somebody can see
 * what an older bundle left.
 * Ownership: an inventory owns its texts; the kube is borrowed for each call.
 * Errors: negative errno for lack of memory alone; what the server said is in `trouble`.
 */
#pragma once

#include "kube.h"

#define INVENTORY_NAMESPACE "kiln-system"
#define INVENTORY_HANDED_OVER "handed-over"

struct inventory {
	json_t *data;	   /* owned; component to text, as the cluster has it or is to have it */
	bool known;	   /* it was read: absent counts */
	bool dirty;	   /* data is newer than the cluster's */
	uint64_t tried_ms; /* the last call that failed, on clock_ms() */
	char trouble[256]; /* "" when the last call went well */
};
void inventory_done(struct inventory *inv);

/* Read it: then known is set. */
int inventory_load(struct inventory *inv, struct kube *k, struct err *err) MUST_CHECK;
/* Write it when it is dirty; the namespace is made when it is missing. */
int inventory_save(struct inventory *inv, struct kube *k, struct err *err) MUST_CHECK;
/* The component's text, "" without; borrowed until the next inventory_set(). */
const char *inventory_get(const struct inventory *inv, const char *component);
/* Dirty only when it is another text. */
int inventory_set(struct inventory *inv, const char *component, const char *text,
		  struct err *err) MUST_CHECK;
/* "<word> <digest>" of an object in a component's text, into dst; false: it is not there. */
bool inventory_find(const char *text, const char *key, char *dst, size_t size);
