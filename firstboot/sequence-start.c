/* What may be asked for now: components, waves, hooks, and the slots there are. */
#include "sequence-internal.h"

#include "clock.h"

#include <string.h>

#define EARLY_IN_FLIGHT 3 /* what is sent ahead yields to what a component waits for */
#define INVENTORY_MS 2000 /* so long the journal alone knows that a component is applied */

const char *sequence_held_by(const struct sequence *s, const struct seq_component *c)
{
	for (size_t i = 0; i < c->def->after.len; i++)
		for (size_t k = 0; k < s->index->components.len; k++)
			if (strcmp(s->components[k].def->name, c->def->after.items[i]) == 0 &&
			    !s->components[k].open)
				return c->def->after.items[i];
	return NULL;
}

/* Applied, and discovery does not name it yet: that concerns those who have or use its objects. */
static bool is_only_unserved(const struct seq_object *x)
{
	return x->state == OBJECT_SERVED && !x->asked && !x->stuck;
}

void sequence_wave(const struct seq_component *c, size_t *ret_first, size_t *ret_end)
{
	size_t len = c->def->objects.len, first = c->applied ? len : 0, served, end;

	while (first < len && object_is_over(&c->objects[first]))
		first++;
	served = first;
	while (first < len && c->def->objects.items[first].wave <= WAVE_SERVICES &&
	       (object_is_over(&c->objects[first]) || is_only_unserved(&c->objects[first])))
		first++;
	if (first == len || c->def->objects.items[first].wave > WAVE_SERVICES)
		first = served;
	end = first;
	if (first < len && c->def->objects.items[first].hook)
		end = first + 1; /* hooks go one by one */
	else
		while (end < len &&
		       c->def->objects.items[end].wave == c->def->objects.items[first].wave)
			end++;
	*ret_first = first;
	*ret_end = end;
}

/* All hooks of a phase are over: those that shall go after success go now. */
static int end_of_phase(struct sequence *s, struct seq_component *c, struct err *err)
{
	size_t first, end;

	sequence_wave(c, &first, &end);
	for (size_t i = first; i-- > 0;) {
		struct seq_object *x = &c->objects[i];
		bool past = first == c->def->objects.len ||
			    c->def->objects.items[first].wave != x->object->wave;

		if (past && x->state == OBJECT_READY && object_goes_away(x)) {
			int r = object_remove(x, s->journal, err);

			if (r < 0)
				return r;
		}
	}
	return 0;
}

static struct seq_slot *free_slot(struct sequence *s, const struct seq_object *x)
{
	size_t bytes = x->state == OBJECT_APPLY ? x->object->bytes : 0;

	if (s->busy == APPLY_IN_FLIGHT ||
	    (s->busy && s->busy_bytes + bytes > APPLY_BYTES_IN_FLIGHT))
		return NULL;
	for (size_t i = 0; i < APPLY_IN_FLIGHT; i++)
		if (!s->slots[i].busy)
			return &s->slots[i];
	return NULL;
}

/*
 * Is there anything against asking for x now? 1: nothing. What was in a Namespace that is gone
 * begins anew before that is made again, so that a hook in it runs again whatever happens.
 */
static int may_start(struct sequence *s, struct seq_object *x, struct err *err)
{
	if (!object_writes(x))
		return 1;
	s->writes = true;
	if (s->may_write && x->taken_away && object_is_namespace(x->object)) {
		int r = sequence_lose_namespace(s, x->object->name, err);

		if (r < 0)
			return r;
		x->taken_away = false;
		s->may_write = !s->inventory_due; /* the cluster knows it first */
	}
	return s->may_write;
}

static int start_object(struct sequence *s, struct seq_object *x, struct seq_slot *slot,
			struct err *err)
{
	int r;

	slot->item = (struct apply_item){ 0 };
	object_next(x, &slot->item);
	r = apply_start(s->kube, s->reader, &slot->item, err);
	if (r < 0) {
		apply_item_done(&slot->item);
		return r;
	}
	slot->busy = x->asked = true;
	slot->bytes = x->state == OBJECT_APPLY ? x->object->bytes : 0;
	s->busy++;
	s->busy_bytes += slot->bytes;
	return 0;
}

/*
 * Ask for what is due of a range of c's objects, as far as there is room. Ahead of its turn,
 * whether a Namespace is usable need not be known yet.
 */
static int start_range(struct sequence *s, struct seq_component *c, size_t first, size_t end,
		       bool ahead, uint64_t *next_ms, struct err *err)
{
	size_t limit = ahead ? EARLY_IN_FLIGHT : APPLY_IN_FLIGHT;
	uint64_t now = clock_ms();

	for (size_t i = first; i < end; i++) {
		struct seq_object *x = &c->objects[i];
		struct seq_slot *slot;
		int r;

		if (x->asked || object_is_over(x) || x->state == OBJECT_SERVED ||
		    (ahead && x->state == OBJECT_PROBE))
			continue;
		if (x->next_ms > now) {
			seq_earlier(next_ms, x->next_ms);
			continue;
		}
		r = may_start(s, x, err);
		if (r < 0)
			return r;
		if (r == 0)
			continue;
		slot = s->busy < limit ? free_slot(s, x) : NULL;
		if (!slot)
			return 0;
		r = start_object(s, x, slot, err);
		if (r < 0)
			return r;
	}
	return 0;
}

static size_t waves_to(const struct seq_component *c, uint64_t last)
{
	size_t n = 0;

	while (n < c->def->objects.len && c->def->objects.items[n].wave <= last)
		n++;
	return n;
}

size_t sequence_crds(const struct seq_component *c)
{
	return waves_to(c, WAVE_CRDS);
}

/* What was ready and may not be so any more; c is past its waves. */
static int ask_doubted(struct sequence *s, struct seq_component *c, uint64_t *next_ms,
		       struct err *err)
{
	int r;

	if (!c->applied || !c->doubted)
		return 0;
	r = start_range(s, c, 0, c->def->objects.len, false, next_ms, err);
	if (r >= 0)
		sequence_settle(c);
	return r;
}

int sequence_start(struct sequence *s, uint64_t *next_ms, bool *moved, struct err *err)
{
	int r = 0;

	s->writes = false;
	for (size_t i = 0; r >= 0 && i < s->index->components.len; i++)
		r = ask_doubted(s, &s->components[i], next_ms, err);
	if (r < 0)
		return r;
	for (int early = 0; early < 2; early++) {
		for (size_t i = 0; i < s->index->components.len; i++) {
			struct seq_component *c = &s->components[i];
			size_t first = 0, end = waves_to(c, WAVE_NAMESPACES);

			if (c->applied || early != (sequence_held_by(s, c) != NULL))
				continue;
			if (!early) {
				r = end_of_phase(s, c, err);
				sequence_wave(c, &first, &end);
				c->applied = first == c->def->objects.len;
				*moved |= c->applied;
				if (c->applied && !s->inventory_by_ms)
					s->inventory_by_ms = clock_ms() + INVENTORY_MS;
			}
			if (r >= 0)
				r = start_range(s, c, first, end, early, next_ms, err);
			if (r < 0)
				return r;
		}
	}
	return 0;
}
