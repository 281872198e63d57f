#include "sequence.h"

#include "clock.h"
#include "gate-look.h"
#include "gates.h"
#include "json.h"
#include "sequence-object.h"

#include <string.h>

#define BATCH_MAX 64
#define IDLE_MS 150
#define LIVELY_MS 60000 /* something moved that lately: no long pauses */
#define GATE_POLL_MS 2000
#define SOFT_POLL_MS 30000

struct seq_gate {
	bool open;
	uint64_t since_ms, next_ms; /* first look; next look */
	struct readiness last;
};
struct seq_component {
	const struct bundle_component *def; /* borrowed */
	struct seq_object *objects;
	struct seq_gate *gates;
	bool applied; /* all objects are over */
	bool open;    /* and all hard gates are open: others may start */
};
struct sequence {
	struct kube *kube;
	const struct bundle_reader *reader;
	struct journal *journal;
	const struct bundle_index *index;
	struct seq_component *components;
	struct status_component *status;
	struct apply_stats stats;
	uint64_t moved_ms;
};

const struct apply_stats *sequence_stats(const struct sequence *s)
{
	return &s->stats;
}

static int init_component(struct seq_component *c, struct status_component *st,
			  const struct bundle_component *def, const struct journal *j,
			  struct err *err)
{
	c->def = def;
	c->objects = calloc(def->objects.len + 1, sizeof(*c->objects));
	c->gates = calloc(def->gates.len + 1, sizeof(*c->gates));
	st->gates.items = calloc(def->gates.len + 1, sizeof(*st->gates.items));
	if (!c->objects || !c->gates || !st->gates.items)
		return err_nomem(err);
	st->name = def->name;
	st->objects = (unsigned int)def->objects.len;
	st->gates.len = def->gates.len;
	for (size_t i = 0; i < def->objects.len; i++) {
		int r = object_init(&c->objects[i], &def->objects.items[i], j, err);

		if (r < 0)
			return r;
	}
	return 0;
}

int sequence_new(struct kube *kube, const struct bundle_reader *reader, struct journal *journal,
		 struct sequence **ret, struct err *err)
{
	cleanup_sequence struct sequence *s = calloc(1, sizeof(*s));

	if (!s)
		return err_nomem(err);
	s->kube = kube;
	s->reader = reader;
	s->journal = journal;
	s->index = bundle_reader_index(reader);
	s->components = calloc(s->index->components.len + 1, sizeof(*s->components));
	s->status = calloc(s->index->components.len + 1, sizeof(*s->status));
	if (!s->components || !s->status)
		return err_nomem(err);
	for (size_t i = 0; i < s->index->components.len; i++) {
		int r = init_component(&s->components[i], &s->status[i],
				       &s->index->components.items[i], journal, err);

		if (r < 0)
			return r;
	}
	s->moved_ms = clock_ms();
	*ret = TAKE_PTR(s);
	return 0;
}

void sequence_free(struct sequence *s)
{
	if (!s)
		return;
	for (size_t i = 0; s->components && i < s->index->components.len; i++) {
		struct seq_component *c = &s->components[i];

		for (size_t k = 0; c->objects && k < c->def->objects.len; k++)
			object_done(&c->objects[k]);
		free(c->objects);
		free(c->gates);
	}
	for (size_t i = 0; s->status && i < s->index->components.len; i++)
		free(s->status[i].gates.items);
	free(s->components);
	free(s->status);
	free(s);
}

/* The one in `after` that keeps c back; NULL: none does. */
static const char *held_by(const struct sequence *s, const struct seq_component *c)
{
	for (size_t i = 0; i < c->def->after.len; i++)
		for (size_t k = 0; k < s->index->components.len; k++)
			if (strcmp(s->components[k].def->name, c->def->after.items[i]) == 0 &&
			    !s->components[k].open)
				return c->def->after.items[i];
	return NULL;
}

/* The objects that may be worked on now: [*ret_first, *ret_end). Empty: all are over. */
static void current_wave(const struct seq_component *c, size_t *ret_first, size_t *ret_end)
{
	size_t len = c->def->objects.len, first = 0, end;

	while (first < len && object_is_over(&c->objects[first]))
		first++;
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
static int end_of_phase(struct sequence *s, struct seq_component *c, size_t first, struct err *err)
{
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

/* What of c is due now, into items; the count grows. */
static int collect(struct sequence *s, struct seq_component *c, struct apply_item *items,
		   size_t *len, struct err *err)
{
	uint64_t now = clock_ms();
	size_t first, end;
	int r;

	current_wave(c, &first, &end);
	r = end_of_phase(s, c, first, err);
	if (r < 0)
		return r;
	current_wave(c, &first, &end);
	c->applied = first == c->def->objects.len;
	for (size_t i = first; i < end && *len < BATCH_MAX; i++) {
		struct seq_object *x = &c->objects[i];

		if (object_is_over(x) || x->next_ms > now)
			continue;
		items[*len] = (struct apply_item){ 0 };
		object_next(x, &items[(*len)++]);
	}
	return 0;
}

static int take_replies(struct sequence *s, struct apply_item *items, size_t len, bool *moved,
			struct err *err)
{
	int r = 0;

	for (size_t i = 0; i < len; i++) {
		bool m = false;

		if (r >= 0)
			r = object_reply(items[i].user, &items[i], s->journal, &m, err);
		*moved |= m;
		apply_item_done(&items[i]);
	}
	return r;
}

/* One batch of requests for all components that may work. */
static int run_objects(struct sequence *s, uint64_t deadline_ms, bool *moved, struct err *err)
{
	cleanup_free struct apply_item *items = calloc(BATCH_MAX, sizeof(*items));
	size_t len = 0;
	int r, r2;

	if (!items)
		return err_nomem(err);
	for (size_t i = 0; i < s->index->components.len; i++) {
		struct seq_component *c = &s->components[i];

		if (c->applied || held_by(s, c))
			continue;
		r = collect(s, c, items, &len, err);
		if (r < 0)
			return r;
		*moved |= c->applied;
	}
	if (len == 0)
		return 0;
	r = apply_run(s->kube, s->reader, items, len, deadline_ms, &s->stats, err);
	r2 = take_replies(s, items, r < 0 ? 0 : len, moved, err);
	for (size_t i = 0; i < len; i++)
		apply_item_done(&items[i]);
	return r < 0 ? r : r2;
}

static int look_at_gate(struct sequence *s, const struct bundle_gate_spec *spec, struct seq_gate *g,
			struct err *err)
{
	const struct gate_view view = { s->kube, s->journal };
	uint64_t now = clock_ms();
	int r;

	if (!g->since_ms)
		g->since_ms = now;
	r = gate_look(&view, spec, &g->last, err);
	if (r < 0)
		return r;
	g->open = g->last.state == READY_YES;
	now = clock_ms();
	g->next_ms = now +
		     (spec->hard || now - g->since_ms < SOFT_POLL_MS ? GATE_POLL_MS : SOFT_POLL_MS);
	return 0;
}

static int run_gates(struct sequence *s, struct seq_component *c, bool *moved, struct err *err)
{
	bool open = true;

	for (size_t i = 0; i < c->def->gates.len; i++) {
		const struct bundle_gate_spec *spec = &c->def->gates.items[i];
		struct seq_gate *g = &c->gates[i];

		if (!g->open && g->next_ms <= clock_ms()) {
			int r = look_at_gate(s, spec, g, err);

			if (r < 0)
				return r;
			*moved |= g->open;
		}
		open &= g->open || !spec->hard;
	}
	*moved |= open && !c->open;
	c->open = open;
	return 0;
}

static int run_once(struct sequence *s, uint64_t deadline_ms, bool *moved, struct err *err)
{
	int r = run_objects(s, deadline_ms, moved, err);

	for (size_t i = 0; r >= 0 && i < s->index->components.len; i++)
		if (s->components[i].applied && clock_ms() < deadline_ms)
			r = run_gates(s, &s->components[i], moved, err);
	return r;
}

static bool all_open(const struct sequence *s)
{
	for (size_t i = 0; i < s->index->components.len; i++)
		if (!s->components[i].open)
			return false;
	return true;
}

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
	const char *after = held_by(s, c);
	size_t first, end;
	char title[600];

	if (c->open || after)
		return false; /* the one it waits for has the reason */
	current_wave(c, &first, &end);
	for (size_t i = first; i < end; i++) {
		const struct seq_object *x = &c->objects[i];

		if (object_is_over(x))
			continue;
		object_title(x, title, sizeof(title));
		(void)snprintf(dst, size, "%.60s: %.140s: %.300s", c->def->name, title,
			       x->reason[0] ? x->reason : "not applied yet");
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

static void describe(const struct sequence *s, struct step_turn *turn)
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
		return;
	}
	for (size_t i = 0; i < s->index->components.len; i++) {
		if (why(s, &s->components[i], line, sizeof(line))) {
			step_reasonf(turn, "%.480s", line);
			return;
		}
	}
}

int sequence_turn(struct sequence *s, unsigned int budget_ms, struct step_turn *turn,
		  struct err *err)
{
	uint64_t end = clock_ms() + budget_ms;

	do {
		bool moved = false;
		int r = run_once(s, end, &moved, err);

		if (r < 0)
			return r;
		if (all_open(s))
			break;
		if (moved)
			s->moved_ms = clock_ms();
		else
			clock_sleep_ms(IDLE_MS);
	} while (clock_ms() < end);
	describe(s, turn);
	if (all_open(s))
		return TURN_DONE;
	return clock_ms() - s->moved_ms < LIVELY_MS ? TURN_MORE : TURN_WAIT;
}

static enum component_state state_of(const struct sequence *s, const struct seq_component *c)
{
	if (c->open)
		return COMPONENT_READY;
	if (held_by(s, c))
		return COMPONENT_PENDING;
	for (size_t i = 0; i < c->def->objects.len; i++)
		if (c->objects[i].stuck)
			return COMPONENT_OPEN;
	return c->applied ? COMPONENT_GATING : COMPONENT_APPLYING;
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
		const struct seq_component *c = &s->components[i];

		s->status[i].state = state_of(s, c);
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
	for (size_t i = 0; i < c->def->objects.len; i++) {
		struct seq_object *x = &c->objects[i];
		struct apply_item it = { .object = x->object, .verb = APPLY_GET };
		struct readiness ready = { .state = READY_YES };
		const char *what;
		char title[600];
		int r;

		if (x->state == OBJECT_GONE)
			continue;
		r = apply_run(s->kube, s->reader, &it, 1, clock_ms() + 10000, &s->stats, err);
		if (r < 0)
			return r;
		if (it.live && x->object->gate != BUNDLE_GATE_NONE)
			ready_judge(it.live, &ready);
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

int sequence_plan(struct sequence *s, FILE *out, struct err *err)
{
	for (size_t i = 0; i < s->index->components.len; i++) {
		struct seq_component *c = &s->components[i];
		size_t left = 0;
		int r;

		(void)fprintf(out, "%s: %zu objects, %zu gates\n", c->def->name,
			      c->def->objects.len, c->def->gates.len);
		r = plan_objects(s, c, out, &left, err);
		if (r >= 0)
			r = plan_gates(s, c, out, &left, err);
		if (r < 0)
			return r;
		if (!left)
			(void)fprintf(out, "  nothing is left\n");
	}
	return 0;
}
