/*
 * What the object that a component waits for has to say beyond its own status: the pod's words
 * behind a Deployment's "0 of 1". A look costs two or three reads, so only what waits for a
 * second or two is looked at, one component in a turn.
 */
#include "clock.h"
#include "gate-blame.h"
#include "gate-kinds.h"
#include "json.h"
#include "sequence-internal.h"

#include <string.h>

#define AFTER_TRIES 5 /* of the object's own polls: more than a second */
#define EVERY_MS 5000

/* The first object that waits and has pods; NULL: none. */
static const struct seq_object *waiting(const struct seq_component *c)
{
	size_t first, end;

	sequence_wave(c, &first, &end);
	for (size_t i = first; i < end; i++) {
		const struct seq_object *x = &c->objects[i];
		const char *group = x->object->group;

		if (x->state == OBJECT_WAIT && x->reason[0] &&
		    (x->stuck || x->tries >= AFTER_TRIES) &&
		    (strcmp(group, "apps") == 0 || strcmp(group, "batch") == 0))
			return x;
	}
	return NULL;
}

static int look(struct sequence *s, struct seq_component *c, const struct seq_object *x,
		struct err *err)
{
	const struct gate_view view = { s->kube, s->journal };
	const struct bundle_object *o = x->object;
	cleanup_json json_t *live = NULL;
	struct readiness ready;
	int r = gate_get(&view, o->group, o->version, o->namespace, o->plural, o->name, &live,
			 &ready, err);

	if (r < 0 || !live) {
		c->words_of = NULL; /* what it said before is not what stands in the way now */
		return r;
	}
	ready_judge(live, &ready);
	if (ready.state == READY_YES)
		return 0;
	r = gate_blame_object(&view, live, &ready, err);
	(void)snprintf(c->words, sizeof(c->words), "%s", ready.reason);
	c->words_of = x;
	return r;
}

int sequence_words(struct sequence *s, struct err *err)
{
	for (size_t i = 0; i < s->index->components.len; i++) {
		struct seq_component *c = &s->components[i];
		const struct seq_object *x =
			c->open || c->handed_over || sequence_held_by(s, c) ? NULL : waiting(c);

		if (x != c->words_of)
			c->words_of = NULL;
		if (!x || clock_ms() < c->words_ms)
			continue;
		c->words_ms = clock_ms() + EVERY_MS;
		return look(s, c, x, err);
	}
	return 0;
}
