/*
 * base-inputs - all that goes into a base root, and its key
 *
 * From kiln.lock: the board's packages, and those of the native half (a set named
 * "native:<board>" of the desk's architecture); kiln-node.deb from the data folder; the
 * settings of cluster.yaml that packages' scripts or the set-up see.
 */
#pragma once

#include "base.h"
#include "lock.h"

struct base_inputs {
	struct lock lock;
	const struct lock_set *target, *native; /* in lock */
	char *agent_deb; /* owned; kiln-node.deb of the board's architecture */
	char agent_sha256[65];
	char key[BASE_KEY_MAX];	       /* of the root */
	char native_key[BASE_KEY_MAX]; /* of the native half */
};

int base_inputs_get(const struct cluster *c, const struct board *b, unsigned int flags,
		    struct base_inputs *ret, struct err *err) MUST_CHECK;
void base_inputs_done(struct base_inputs *in);
#define cleanup_base_inputs CLEANUP(base_inputs_done)

/* "native:<board>", owned by the caller. */
char *base_native_set(const struct board *b);
/* Resolve both sets of a board for the lock (kiln update); uses the network. */
int base_inputs_lock(const struct cluster *c, const struct board *b, struct lock *l,
		     struct err *err) MUST_CHECK;
/* Paths of a set's .debs in the cache, fetched unless offline; owned by the caller. */
int base_debs(const struct base_inputs *in, const struct lock_set *s, bool offline,
	      struct string_list *ret, struct err *err) MUST_CHECK;
