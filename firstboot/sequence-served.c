/* CRDs that are applied: who waits for discovery, and what it says of them. */
#include "sequence-internal.h"

/* Is it still to be sent, or without its answer? What somebody has to help keeps nothing back. */
static bool is_on_its_way(const struct seq_object *x)
{
	return x->state == OBJECT_APPLY && !x->stuck && !x->tries;
}

/*
 * Does c wait for nothing but that its CRDs are served? Those that were sent ahead of their
 * component's turn can wait: each new one changes the server's whole list.
 */
static bool awaits_discovery(const struct sequence *s, const struct seq_component *c)
{
	bool served = true;

	if (!c->applied && sequence_held_by(s, c))
		return false;
	for (size_t k = 0; k < sequence_crds(c); k++) {
		if (!c->applied && s->may_write && is_on_its_way(&c->objects[k]))
			return false;
		served &= c->objects[k].state != OBJECT_SERVED;
	}
	return !served;
}

static bool any_awaits_discovery(const struct sequence *s)
{
	for (size_t i = 0; i < s->index->components.len; i++)
		if (awaits_discovery(s, &s->components[i]))
			return true;
	return false;
}

int sequence_look_at_served(struct sequence *s, uint64_t *next_ms, bool *moved, struct err *err)
{
	uint64_t before = discovery_asked_ms(s->discovery);
	int r;

	if (!any_awaits_discovery(s))
		return 0;
	r = discovery_refresh(s->discovery, s->kube, err);
	seq_earlier(next_ms, discovery_next_ms(s->discovery));
	if (r < 0 || discovery_asked_ms(s->discovery) == before)
		return r;
	for (size_t i = 0; i < s->index->components.len; i++) {
		struct seq_component *c = &s->components[i];
		bool waits = awaits_discovery(s, c); /* else its CRDs may take their time */

		for (size_t k = 0; k < sequence_crds(c); k++) {
			struct seq_object *x = &c->objects[k];
			const char *version = discovery_version(s->discovery, x->object->name);
			bool m = false;

			if (x->state != OBJECT_SERVED || x->asked || (!version && !waits))
				continue;
			r = object_served(x, version, s->journal, &m, err);
			if (r < 0)
				return r;
			*moved |= m;
		}
	}
	return 0;
}
