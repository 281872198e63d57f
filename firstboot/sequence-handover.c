/*
 * Hand-over: a component whose Application is Synced and Healthy is Argo CD's from then on.
 *
 * Its objects' managedFields get Argo CD's name (handover.h), then it is written down, here and in
 * the cluster, and nothing that the Application has is applied again. What no Application has
 * (objects with secrets) stays ours.
 */
#include "clock.h"
#include "handover.h"
#include "sequence-internal.h"

#include <string.h>

#define STEP "component"
#define PAUSE_MS 5000

/* The Application of c in the bundle; NULL: nobody adopts it. */
static const struct bundle_object *application_of(const struct sequence *s,
						  const struct seq_component *c)
{
	if (!c->def->application)
		return NULL;
	for (size_t i = 0; i < s->index->components.len; i++) {
		const struct bundle_component *other = &s->index->components.items[i];

		for (size_t k = 0; k < other->objects.len; k++) {
			const struct bundle_object *o = &other->objects.items[k];

			if (strcmp(o->kind, "Application") == 0 &&
			    strcmp(o->group, "argoproj.io") == 0 &&
			    strcmp(o->name, c->def->application) == 0)
				return o;
		}
	}
	return NULL;
}

bool sequence_stays_ours(const struct bundle_object *o)
{
	return !o->handover && !o->hook;
}

void sequence_mark_handed_over(struct seq_component *c)
{
	c->handed_over = true;
	for (size_t i = 0; i < c->def->objects.len; i++) {
		struct seq_object *x = &c->objects[i];

		if (sequence_stays_ours(x->object) || x->asked)
			continue;
		x->state = OBJECT_GONE;
		x->applied = true;
	}
}

bool sequence_was_handed_over(const struct sequence *s, const struct seq_component *c)
{
	return journal_last(s->journal, STEP, c->def->name, INVENTORY_HANDED_OVER) != NULL;
}

size_t sequence_not_handed_over(const struct sequence *s)
{
	size_t n = 0;

	for (size_t i = 0; i < s->index->components.len; i++)
		n += !s->components[i].handed_over && application_of(s, &s->components[i]);
	return n;
}

/* Does Argo CD have it, the way it stands? */
static int look_at_application(struct sequence *s, const struct bundle_object *app,
			       struct readiness *ret, struct err *err)
{
	struct apply_item it = { .verb = APPLY_GET, .object = app };
	struct err bad = { 0 };
	int r = apply_one(s->kube, s->reader, &it, &s->stats, &bad);

	if (r == -ENOMEM)
		return err_nomem(err);
	*ret = (struct readiness){ .state = READY_WAIT };
	if (r >= 0 && it.live)
		ready_judge(it.live, ret);
	else
		readiness_setf(ret, READY_WAIT, "%.400s", r < 0 ? bad.msg : it.message);
	apply_item_done(&it);
	return 0;
}

static int hand_over(struct sequence *s, struct seq_component *c, struct err *err)
{
	int r;

	for (size_t i = 0; i < c->def->objects.len; i++) {
		const struct bundle_object *o = &c->def->objects.items[i];
		enum handover_result result;
		char why[400];

		if (!o->handover)
			continue;
		r = handover_object(s->kube, o, &result, why, sizeof(why), err);
		if (r < 0)
			return r;
		if (result == HANDOVER_DONE)
			continue;
		(void)snprintf(s->hand_over_reason, sizeof(s->hand_over_reason),
			       "%.60s: hand-over of %.40s %.100s: %.250s", c->def->name, o->kind,
			       o->name, why);
		return 0; /* at the next look again: those that are done are done */
	}
	r = journal_add(s->journal, STEP, c->def->name, INVENTORY_HANDED_OVER, err);
	if (r < 0)
		return r;
	sequence_mark_handed_over(c);
	s->inventory_due = true;
	return 0;
}

/* What was written just now Argo CD has not looked at yet. */
static bool is_too_early(struct sequence *s, uint64_t now)
{
	if (!s->hand_over_ms && s->rechecked)
		s->hand_over_ms = now + PAUSE_MS;
	return now < s->hand_over_ms;
}

int sequence_hand_over(struct sequence *s, struct err *err)
{
	uint64_t now = clock_ms();

	s->hand_over_due = false;
	if (is_too_early(s, now))
		return 0;
	s->hand_over_reason[0] = '\0';
	for (size_t i = 0; i < s->index->components.len; i++) {
		struct seq_component *c = &s->components[i];
		const struct bundle_object *app = c->handed_over ? NULL : application_of(s, c);
		struct readiness ready;
		int r;

		if (!app)
			continue;
		r = look_at_application(s, app, &ready, err);
		if (r >= 0 && ready.state == READY_YES && s->may_write)
			r = hand_over(s, c, err);
		else if (r >= 0 && ready.state == READY_YES)
			s->hand_over_due = s->writes = true; /* the Lease first */
		else if (r >= 0 && !s->hand_over_reason[0])
			(void)snprintf(s->hand_over_reason, sizeof(s->hand_over_reason),
				       "Argo CD has not taken over %.60s: %.300s", c->def->name,
				       ready.reason);
		if (r < 0)
			return r;
	}
	if (!s->hand_over_due)
		s->hand_over_ms = clock_ms() + PAUSE_MS;
	return 0;
}
