/*
 * What was believed and is no longer so: a journal of another cluster, an object or a whole
 * Namespace that somebody took away while the rest was being brought up.
 *
 * What is ready is not asked for again at each turn. It is looked at once more ("doubted") when
 * something speaks against it: what is put into a Namespace finds none, a gate stays closed for
 * long, or the end is near and this process has written.
 */
#include "clock.h"
#include "gate-kinds.h"
#include "json.h"
#include "sequence-internal.h"

#include <string.h>

#define NAMESPACES "/api/v1/namespaces"
#define KUBE_SYSTEM NAMESPACES "/kube-system"
#define STEP "cluster"
#define RETRY_MS 1000
#define IDENTITY_MS 60000
#define DOUBT_MS 15000 /* a gate that is closed for so long; then twice that, up to eight times */
#define DOUBLINGS 3

/* Nothing of the journal is about this cluster. What the inventory knows is taken over next. */
static int forget_all(struct sequence *s, const char *uid, struct err *err)
{
	int r;

	sequence_cancel(s);
	r = journal_len(s->journal) ? journal_clear(s->journal, err) : 0;
	if (r >= 0)
		r = journal_add(s->journal, STEP, "uid", uid, err);
	if (r < 0)
		return r;
	for (size_t i = 0; i < s->index->components.len; i++) {
		struct seq_component *c = &s->components[i];

		for (size_t k = 0; k < c->def->objects.len; k++)
			object_restart(&c->objects[k], s->journal);
		memset(c->gates, 0, c->def->gates.len * sizeof(*c->gates));
		c->handed_over = c->applied = c->open = c->doubted = false;
		c->words_of = NULL;
	}
	inventory_done(&s->inventory);
	s->inventory_due = s->rechecked = false;
	s->inventory_by_ms = 0;
	s->moved_ms = clock_ms();
	return 0;
}

int sequence_identity(struct sequence *s, uint64_t *next_ms, struct err *err)
{
	const struct gate_view view = { s->kube, s->journal };
	const struct journal_record *rec;
	cleanup_json json_t *live = NULL;
	struct readiness why;
	const char *uid;
	int r;

	if (clock_ms() < s->identity_ms) {
		seq_earlier(next_ms, s->identity_ms);
		return 0;
	}
	r = gate_get_path(&view, KUBE_SYSTEM, &live, &why, err);
	if (r < 0)
		return r;
	uid = js_text(live, "metadata.uid");
	s->identity_ms = clock_ms() + (*uid || s->identified ? IDENTITY_MS : RETRY_MS);
	(void)snprintf(s->identity_trouble, sizeof(s->identity_trouble), "%.250s",
		       *uid ? "" : why.reason);
	if (!*uid) /* what was known so far stays so */
		return 0;
	s->identified = true;
	rec = journal_last(s->journal, STEP, "uid", NULL);
	return rec && strcmp(rec->detail, uid) == 0 ? 0 : forget_all(s, uid, err);
}

static void doubt(struct seq_component *c, struct seq_object *x)
{
	enum object_state before = x->state;

	object_doubt(x);
	c->doubted |= x->state != before;
}

/* Is o what x needs to be there first: its Namespace, its kind? */
static bool is_ground_of(const struct bundle_object *o, const struct bundle_object *x,
			 enum kube_class class)
{
	size_t len = strlen(x->plural);

	if (class == KUBE_NOT_SERVED)
		return o->crd && strncmp(o->name, x->plural, len) == 0 && o->name[len] == '.' &&
		       strcmp(o->name + len + 1, x->group) == 0;
	return object_is_namespace(o) && x->namespaced && strcmp(o->name, x->namespace) == 0;
}

void sequence_doubt_ground(struct sequence *s, const struct bundle_object *of,
			   enum kube_class class)
{
	if (class != KUBE_NO_NAMESPACE && class != KUBE_TERMINATING && class != KUBE_NOT_SERVED)
		return;
	for (size_t i = 0; i < s->index->components.len; i++) {
		struct seq_component *c = &s->components[i];

		for (size_t k = 0; k < c->def->objects.len; k++)
			if (is_ground_of(c->objects[k].object, of, class))
				doubt(c, &c->objects[k]);
	}
}

void sequence_doubt_closed(struct seq_component *c)
{
	uint64_t now = clock_ms();

	if (!c->doubt_ms || now < c->doubt_ms) {
		c->doubt_ms = c->doubt_ms ? c->doubt_ms : now + DOUBT_MS;
		return;
	}
	c->doubts += c->doubts < DOUBLINGS;
	c->doubt_ms = now + ((uint64_t)DOUBT_MS << c->doubts);
	for (size_t k = 0; k < c->def->objects.len; k++)
		doubt(c, &c->objects[k]);
}

/* Is the Namespace in that list, and no end of it in sight? */
static bool is_alive(const json_t *list, const char *name)
{
	const json_t *ns = gate_find_named(list, name);

	return ns && !*js_text(ns, "metadata.deletionTimestamp");
}

int sequence_recheck(struct sequence *s, struct err *err)
{
	const struct gate_view view = { s->kube, s->journal };
	const struct apply_stats *st = &s->stats;
	cleanup_json json_t *list = NULL;
	struct readiness why;
	int r;

	if (s->rechecked || st->created + st->changed + st->unchanged + st->deleted == 0)
		return 0;
	r = gate_get_path(&view, NAMESPACES, &list, &why, err);
	if (r < 0)
		return r;
	s->rechecked = true;
	for (size_t i = 0; i < s->index->components.len; i++) {
		struct seq_component *c = &s->components[i];

		for (size_t k = 0; k < c->def->objects.len; k++) {
			const struct bundle_object *o = c->objects[k].object;

			if (object_is_namespace(o) && !is_alive(list, o->name))
				doubt(c, &c->objects[k]);
		}
		r |= c->doubted;
	}
	return r;
}

void sequence_settle(struct seq_component *c)
{
	bool left = false;

	for (size_t k = 0; k < c->def->objects.len; k++) {
		const struct seq_object *x = &c->objects[k];

		left |= !object_is_over(x);
		if (!object_writes(x))
			continue;
		sequence_reopen(c);
		return;
	}
	c->doubted = left;
}

void sequence_reopen(struct seq_component *c)
{
	c->applied = c->open = c->doubted = false;
	c->doubt_ms = 0;
	memset(c->gates, 0, c->def->gates.len * sizeof(*c->gates));
}

int sequence_lose_namespace(struct sequence *s, const char *name, struct err *err)
{
	for (size_t i = 0; i < s->index->components.len; i++) {
		struct seq_component *c = &s->components[i];
		bool any = false;

		for (size_t k = 0; k < c->def->objects.len; k++) {
			struct seq_object *x = &c->objects[k];
			const struct bundle_object *o = x->object;
			int r;

			if (!o->namespaced || strcmp(o->namespace, name) != 0 ||
			    (c->handed_over && !sequence_stays_ours(o)) ||
			    (!x->asked && !object_record(x, s->journal)))
				continue;
			r = object_lose(x, s->journal, err);
			if (r < 0)
				return r;
			any = true;
		}
		if (any)
			sequence_reopen(c);
		s->inventory_due |= any;
	}
	return journal_sync(s->journal, err);
}
