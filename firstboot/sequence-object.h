/*
 * sequence-object - one object's way from the bundle to ready, as a state machine
 *
 * object_next() says what to ask the server; object_reply() takes the answer and
 * moves on. Writes are in the journal before (hooks: "begun", "removing") and after
 * ("applied", "done") them, so that every state can be entered again after a stop.
 */
#pragma once

#include "apply.h"
#include "journal.h"

enum object_state {
	OBJECT_VERIFY, /* the journal says applied: is it still there? */
	OBJECT_SERVED, /* a CRD: asks nothing itself, waits for discovery (object_served()) */
	OBJECT_CLEAR,  /* a hook to be made anew: what is there of it has to go first */
	OBJECT_APPLY,
	OBJECT_WAIT,  /* applied, its kind's rule not satisfied yet */
	OBJECT_PROBE, /* ready by its own words; now the path that proves it */
	OBJECT_READY,
	OBJECT_REMOVE, /* a hook that is over and goes away */
	OBJECT_GONE,   /* removed, or gone after it was complete: the end, as READY */
};

struct seq_object {
	const struct bundle_object *object; /* borrowed */
	char *key;			    /* owned: "apps/Deployment/namespace/name" */
	enum object_state state;
	bool asked;	    /* a request of it is under way: the sequence's */
	bool stuck;	    /* somebody has to help: conflict, invalid, failed */
	bool applied;	    /* the server has the bundle's text */
	bool taken_away;    /* was applied, and is not there any more: to be applied again */
	bool lost;	    /* the answer under way is about what is gone: object_lose() after it */
	unsigned int tries; /* since it last moved */
	uint64_t next_ms;   /* when to ask again */
	char *probe;	    /* owned or NULL */
	char version[32];   /* resourceVersion as last seen, "" unknown */
	char reason[512];   /* why it is not ready */
};

int object_init(struct seq_object *x, const struct bundle_object *o, const struct journal *j,
		struct err *err) MUST_CHECK;
void object_done(struct seq_object *x);
/* READY or GONE. */
bool object_is_over(const struct seq_object *x);
/* Fill it->verb, object, path, version; the object must not be over, nor wait for discovery. */
void object_next(struct seq_object *x, struct apply_item *it);
/* Would object_next() change the cluster? */
bool object_writes(const struct seq_object *x);
/*
 * What discovery says of a CRD in SERVED: a version, or NULL for not served. Its handler may come
 * a moment later: the PATCH that finds none is sent again.
 */
int object_served(struct seq_object *x, const char *version, struct journal *j, bool *ret_moved,
		  struct err *err) MUST_CHECK;
/* *ret_moved: its state is another. -EPERM: the server is not of our CA. */
int object_reply(struct seq_object *x, const struct apply_item *it, struct journal *j,
		 bool *ret_moved, struct err *err) MUST_CHECK;
/* A hook that is deleted when its phase is over. */
bool object_goes_away(const struct seq_object *x);
/* After a GET: why it would be written or removed ("not there"); NULL: it would not. */
const char *object_left(const struct seq_object *x, const struct apply_item *it);
/* READY to REMOVE: the hooks of its phase have all succeeded. */
int object_remove(struct seq_object *x, struct journal *j, struct err *err) MUST_CHECK;
/* "applied", "begun", "done" ... with the bundle's digest of x is its newest record; NULL: none. */
const char *object_record(const struct seq_object *x, const struct journal *j);
/* Take another's word for how far x is; for objects that were not asked yet. */
int object_adopt(struct seq_object *x, const char *record, struct journal *j,
		 struct err *err) MUST_CHECK;
/* READY to VERIFY: somebody may have taken it away. */
void object_doubt(struct seq_object *x);
/*
 * Its Namespace is gone, and so is all that was done of it: it begins anew. On disk with the
 * next journal_sync().
 */
int object_lose(struct seq_object *x, struct journal *j, struct err *err) MUST_CHECK;
/* As object_init() leaves it, by what the journal says now; nothing of it is under way. */
void object_restart(struct seq_object *x, const struct journal *j);
bool object_is_namespace(const struct bundle_object *o);
/* Did an object of that key ever reach the server, by any digest, and was not lost since? */
bool object_was_applied(const struct journal *j, const char *key);
/* A key as the journal has it; owned by the caller; NULL: no memory. */
char *object_key(const char *group, const char *kind, const char *namespace, const char *name);
