/*
 * apply - bundle objects to and from the API server, several requests in flight
 *
 * Items are started one by one and come back in the order in which they finish;
 * no more than APPLY_IN_FLIGHT, and APPLY_BYTES_IN_FLIGHT of text, are under way at a
 * time. Writes are server-side applies by the manager "kiln" that never force: a field
 * that another manager holds is an answer, not ours to take. An object's text is in
 * memory only while it is sent. Times are milliseconds of the monotonic clock.
 * Ownership: the item's live object belongs to the item (apply_item_done()).
 * Errors: apply_start() fails when the bundle cannot be read or memory is short; what
 * the server or network said is in each item.
 */
#pragma once

#include "bundle-reader.h"
#include "kube.h"

#define APPLY_MANAGER "kiln"
#define APPLY_IN_FLIGHT 8
#define APPLY_BYTES_IN_FLIGHT ((size_t)1 << 20)

enum apply_verb { APPLY_GET, APPLY_GET_META, APPLY_PATCH, APPLY_DELETE };
enum apply_effect { APPLY_CREATED, APPLY_CHANGED, APPLY_UNCHANGED };

struct apply_item {
	enum apply_verb verb;
	const struct bundle_object *object; /* borrowed */
	const char *path;    /* borrowed; asked instead of the object's own; or NULL */
	const char *version; /* borrowed; resourceVersion before a PATCH, NULL: not known */
	void *user;	     /* the caller's */
	/* what came of it */
	enum kube_class class;
	unsigned int retry_after_s;
	char message[1024];
	json_t *live;		       /* owned; after GET and PATCH that succeeded, else NULL */
	enum apply_effect effect;      /* of a PATCH that succeeded */
	struct apply_request *request; /* internal */
};
void apply_item_done(struct apply_item *it);

struct apply_stats {
	uint64_t created, changed, unchanged, deleted; /* writes by what they did */
	uint64_t reads;
};

/* The item stays in place until apply_next() returns it or apply_cancel(). */
int apply_start(struct kube *k, const struct bundle_reader *reader, struct apply_item *it,
		struct err *err) MUST_CHECK;
/*
 * The next item that is answered, NULL: none within timeout_ms. "changed" is a PATCH that gave
 * another resourceVersion than before, or one of an object that was there and whose version
 * was not known.
 */
struct apply_item *apply_next(struct kube *k, unsigned int timeout_ms, struct apply_stats *stats);
/* Give it up, when it is under way. */
void apply_cancel(struct kube *k, struct apply_item *it);
/* One item, waited for; nothing else may be under way. */
int apply_one(struct kube *k, const struct bundle_reader *reader, struct apply_item *it,
	      struct apply_stats *stats, struct err *err) MUST_CHECK;
/* "/apis/apps/v1/namespaces/x/deployments/y"; owned by the caller; NULL: no memory. */
char *apply_path(const char *group, const char *version, const char *namespace, const char *plural,
		 const char *name);
