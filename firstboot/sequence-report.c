#include "clock.h"
#include "gate-blame.h"
#include "sequence-internal.h"

#include <string.h>

/* "Deployment argocd/argocd-server" */
static void object_title(const struct seq_object *x, char *dst, size_t size)
{
	const struct bundle_object *o = x->object;

	(void)snprintf(dst, size, "%s %s%s%s", o->kind, o->namespaced ? o->namespace : "",
		       o->namespaced ? "/" : "", o->name);
}

/* What c waits for, in one line; false: nothing. */
static bool why(const struct sequence *s, const struct seq_component *c, char *dst, size_t size)
{
	const char *after = sequence_held_by(s, c);
	size_t first, end;
	char title[600];

	if (c->open || after)
		return false; /* the one it waits for has the reason */
	sequence_wave(c, &first, &end);
	for (size_t i = first; i < end; i++) {
		const struct seq_object *x = &c->objects[i];

		if (object_is_over(x))
			continue;
		object_title(x, title, sizeof(title));
		(void)snprintf(dst, size, "%.60s: %.140s: %.300s", c->def->name, title,
			       c->words_of == x ? c->words
			       : x->reason[0]	? x->reason
						: "not applied yet");
		if (x->reason[0])
			return true;
	}
	for (size_t i = 0; first == end && i < c->def->gates.len; i++) {
		const struct bundle_gate_spec *g = &c->def->gates.items[i];

		if (!g->hard || c->gates[i].open)
			continue;
		(void)snprintf(dst, size, "%.60s: gate %.40s: %.390s", c->def->name, g->name,
			       c->gates[i].last.reason);
		return true;
	}
	return first < end;
}

/* What keeps it from writing at all; false: nothing. */
static bool describe_writer(const struct sequence *s, struct step_turn *turn)
{
	if (!s->writes)
		return false;
	if (s->leader && !s->may_write) {
		const char *holder = leader_holder(s->leader);

		step_reasonf(turn, "%s%.200s",
			     *holder ? "another control-plane does it: "
				     : "the Lease kiln-system/sequence: ",
			     *holder ? holder : leader_trouble(s->leader));
		return true;
	}
	if (!s->inventory.known && s->inventory.trouble[0]) {
		step_reasonf(turn, "ConfigMap kiln-system/inventory: %.300s", s->inventory.trouble);
		return true;
	}
	return false;
}

void sequence_describe(const struct sequence *s, struct step_turn *turn)
{
	size_t open = 0, soft = 0;
	char line[STEP_REASON_MAX];

	for (size_t i = 0; i < s->index->components.len; i++) {
		const struct seq_component *c = &s->components[i];

		open += c->open;
		for (size_t k = 0; c->open && k < c->def->gates.len; k++)
			soft += !c->gates[k].open;
	}
	if (open == s->index->components.len) {
		if (soft)
			step_reasonf(turn, "%zu soft gate%s not open: see 'kiln-node status'", soft,
				     soft == 1 ? " is" : "s are");
		else if (s->hand_over_reason[0])
			step_reasonf(turn, "%.480s", s->hand_over_reason);
		return;
	}
	if (!s->identified) {
		step_reasonf(turn, "%.300s", s->identity_trouble);
		return;
	}
	if (describe_writer(s, turn))
		return;
	for (size_t i = 0; i < s->index->components.len; i++) {
		if (why(s, &s->components[i], line, sizeof(line))) {
			step_reasonf(turn, "%.480s", line);
			return;
		}
	}
}

static enum component_state state_of(const struct sequence *s, const struct seq_component *c)
{
	if (c->handed_over)
		return COMPONENT_HANDED_OVER;
	if (c->open)
		return COMPONENT_READY;
	if (sequence_held_by(s, c))
		return COMPONENT_PENDING;
	for (size_t i = 0; i < c->def->objects.len; i++)
		if (c->objects[i].stuck)
			return COMPONENT_OPEN;
	return c->applied ? COMPONENT_GATING : COMPONENT_APPLYING;
}

/* The same without the component's own name; NULL: nothing. */
static char *why_alone(const struct sequence *s, struct seq_component *c)
{
	size_t skip = strnlen(c->def->name, 60) + strlen(": "); /* as why() cuts it */

	if (!why(s, c, c->why, sizeof(c->why)) || strlen(c->why) <= skip)
		return NULL;
	return c->why + skip;
}

static void fill_gates(const struct seq_component *c, struct status_component *st)
{
	for (size_t i = 0; i < c->def->gates.len; i++) {
		const struct bundle_gate_spec *spec = &c->def->gates.items[i];
		struct seq_gate *g = &c->gates[i];
		bool late = g->since_ms && clock_ms() - g->since_ms > spec->timeout_s * 1000;

		st->gates.items[i] = (struct status_gate){
			.name = spec->name,
			.state = g->open	? STEP_DONE
				 : !g->since_ms ? STEP_PENDING
				 : late		? STEP_FAILED
						: STEP_WAITING,
			.reason = g->open || !g->since_ms ? NULL : g->last.reason,
		};
	}
}

const struct status_component *sequence_status(struct sequence *s, size_t *ret_len)
{
	for (size_t i = 0; i < s->index->components.len; i++) {
		struct seq_component *c = &s->components[i];

		s->status[i].state = state_of(s, c);
		s->status[i].reason = why_alone(s, c);
		s->status[i].applied = 0;
		for (size_t k = 0; k < c->def->objects.len; k++)
			s->status[i].applied += c->objects[k].applied;
		fill_gates(c, &s->status[i]);
	}
	*ret_len = s->index->components.len;
	return s->status;
}

/* One look at all objects of a component, by what the journal says of them. */
static int plan_objects(struct sequence *s, struct seq_component *c, FILE *out, size_t *left,
			struct err *err)
{
	const struct gate_view view = { s->kube, s->journal };

	for (size_t i = 0; i < c->def->objects.len; i++) {
		struct seq_object *x = &c->objects[i];
		struct apply_item it = { .object = x->object, .verb = APPLY_GET };
		struct readiness ready = { .state = READY_YES };
		const char *what;
		char title[600];
		int r;

		if (x->state == OBJECT_GONE)
			continue;
		r = apply_one(s->kube, s->reader, &it, &s->stats, err);
		if (r < 0)
			return r;
		if (it.live && x->object->gate != BUNDLE_GATE_NONE)
			ready_judge(it.live, &ready);
		if (ready.state != READY_YES)
			r = gate_blame_object(&view, it.live, &ready, err);
		if (r < 0) {
			apply_item_done(&it);
			return r;
		}
		what = object_left(x, &it);
		if (!what && ready.state != READY_YES)
			what = ready.reason;
		object_title(x, title, sizeof(title));
		if (what)
			(void)fprintf(out, "  %s: %s\n", title, what);
		*left += what != NULL;
		apply_item_done(&it);
	}
	return 0;
}

static int plan_gates(struct sequence *s, struct seq_component *c, FILE *out, size_t *left,
		      struct err *err)
{
	const struct gate_view view = { s->kube, s->journal };

	for (size_t i = 0; i < c->def->gates.len; i++) {
		const struct bundle_gate_spec *g = &c->def->gates.items[i];
		struct readiness ready;
		int r = gate_look(&view, g, &ready, err);

		if (r < 0)
			return r;
		if (ready.state != READY_YES)
			(void)fprintf(out, "  gate %s%s: %s\n", g->name, g->hard ? "" : " (soft)",
				      ready.reason);
		*left += ready.state != READY_YES;
	}
	return 0;
}

/* What this machine's journal does not know, or knows of another cluster. */
static int plan_cluster(struct sequence *s, FILE *out, struct err *err)
{
	uint64_t never = UINT64_MAX;
	int r = sequence_identity(s, &never, err);

	if (r >= 0 && s->identified)
		r = sequence_load_inventory(s, err);
	if (r < 0)
		return r;
	if (!s->identified)
		(void)fprintf(out, "by this node's record alone: %s\n", s->identity_trouble);
	else if (!s->inventory.known)
		(void)fprintf(out,
			      "by this node's record alone: ConfigMap kiln-system/inventory: %s\n",
			      s->inventory.trouble);
	return 0;
}

int sequence_plan(struct sequence *s, FILE *out, struct err *err)
{
	int r = plan_cluster(s, out, err);

	for (size_t i = 0; r >= 0 && i < s->index->components.len; i++) {
		struct seq_component *c = &s->components[i];
		size_t left = 0;

		(void)fprintf(out, "%s: %zu objects, %zu gates%s\n", c->def->name,
			      c->def->objects.len, c->def->gates.len,
			      c->handed_over ? ", handed over to Argo CD" : "");
		r = plan_objects(s, c, out, &left, err);
		if (r >= 0 && !c->handed_over)
			r = plan_gates(s, c, out, &left, err);
		if (r >= 0 && !left)
			(void)fprintf(out, "  nothing is left\n");
	}
	return r < 0 ? r : 0;
}
