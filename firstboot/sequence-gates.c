/* The gates of components whose objects are all over: when to look, and what opens. */
#include "sequence-internal.h"

#include "clock.h"

#define GATE_POLL_MIN_MS 200
#define GATE_POLL_MS 2000
#define SOFT_POLL_MS 30000

static int look_at_gate(struct sequence *s, const struct bundle_gate_spec *spec, struct seq_gate *g,
			struct err *err)
{
	const struct gate_view view = { s->kube, s->journal };
	uint64_t now = clock_ms(), pause = GATE_POLL_MIN_MS;
	int r;

	if (!g->since_ms)
		g->since_ms = now;
	r = gate_look(&view, spec, &g->last, err);
	if (r < 0)
		return r;
	g->open = g->last.state == READY_YES;
	for (unsigned int i = 0; i < g->looks && pause < GATE_POLL_MS; i++)
		pause += pause / 2;
	g->looks++;
	now = clock_ms();
	if (!spec->hard && now - g->since_ms >= SOFT_POLL_MS)
		pause = SOFT_POLL_MS;
	g->next_ms = now + (pause < GATE_POLL_MS ? pause : spec->hard ? GATE_POLL_MS : pause);
	return 0;
}

int sequence_look_at_gates(struct sequence *s, struct seq_component *c, uint64_t *next_ms,
			   bool *moved, struct err *err)
{
	bool open = true;

	for (size_t i = 0; i < c->def->gates.len && !c->handed_over; i++) {
		const struct bundle_gate_spec *spec = &c->def->gates.items[i];
		struct seq_gate *g = &c->gates[i];

		if (!g->open && g->next_ms <= clock_ms()) {
			int r = look_at_gate(s, spec, g, err);

			if (r < 0)
				return r;
			*moved |= g->open;
		}
		if (!g->open)
			seq_earlier(next_ms, g->next_ms);
		open &= g->open || !spec->hard;
	}
	if (!open)
		sequence_doubt_closed(c);
	*moved |= open && !c->open;
	c->open = open;
	return 0;
}
