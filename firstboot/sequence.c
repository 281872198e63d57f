#include "sequence-internal.h"

#include "clock.h"
#include "gates.h"
#include "json.h"

#include <string.h>

#define IDLE_MS 100	  /* the longest sleep while nothing is under way */
#define LIVELY_MS 60000	  /* something moved that lately: no long pauses */
#define EARLY_IN_FLIGHT 3 /* CRDs sent ahead yield to what a component waits for */
#define INVENTORY_MS 2000 /* so long the journal alone knows that a component is applied */
#define GATE_POLL_MIN_MS 200
#define GATE_POLL_MS 2000
#define SOFT_POLL_MS 30000

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
	int r;

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
		r = init_component(&s->components[i], &s->status[i], &s->index->components.items[i],
				   journal, err);

		if (r < 0)
			return r;
	}
	for (size_t i = 0; i < s->index->components.len; i++)
		if (sequence_was_handed_over(s, &s->components[i]))
			sequence_mark_handed_over(&s->components[i]);
	s->moved_ms = clock_ms();
	r = discovery_new(&s->discovery, err);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(s);
	return 0;
}

void sequence_cancel(struct sequence *s)
{
	for (size_t i = 0; i < APPLY_IN_FLIGHT; i++) {
		struct seq_slot *slot = &s->slots[i];

		if (!slot->busy)
			continue;
		apply_cancel(s->kube, &slot->item);
		((struct seq_object *)slot->item.user)->asked = slot->busy = false;
	}
	s->busy = s->busy_bytes = 0;
}

void sequence_free(struct sequence *s)
{
	if (!s)
		return;
	sequence_cancel(s);
	for (size_t i = 0; s->components && i < s->index->components.len; i++) {
		struct seq_component *c = &s->components[i];

		for (size_t k = 0; c->objects && k < c->def->objects.len; k++)
			object_done(&c->objects[k]);
		free(c->objects);
		free(c->gates);
	}
	for (size_t i = 0; s->status && i < s->index->components.len; i++)
		free(s->status[i].gates.items);
	discovery_free(s->discovery);
	inventory_done(&s->inventory);
	kube_guard(s->kube, NULL, NULL);
	leader_free(s->leader);
	free(s->components);
	free(s->status);
	free(s);
}

/* The one in `after` that keeps c back; NULL: none does. */
const char *sequence_held_by(const struct sequence *s, const struct seq_component *c)
{
	for (size_t i = 0; i < c->def->after.len; i++)
		for (size_t k = 0; k < s->index->components.len; k++)
			if (strcmp(s->components[k].def->name, c->def->after.items[i]) == 0 &&
			    !s->components[k].open)
				return c->def->after.items[i];
	return NULL;
}

/* The objects that may be worked on now: [*ret_first, *ret_end). Empty: all are over. */
void sequence_wave(const struct seq_component *c, size_t *ret_first, size_t *ret_end)
{
	size_t len = c->def->objects.len, first = c->applied ? len : 0, end;

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

/* Ask for what is due of a range of c's objects, as far as there is room. */
static int start_range(struct sequence *s, struct seq_component *c, size_t first, size_t end,
		       size_t limit, uint64_t *next_ms, struct err *err)
{
	uint64_t now = clock_ms();

	for (size_t i = first; i < end; i++) {
		struct seq_object *x = &c->objects[i];
		struct seq_slot *slot;
		int r;

		if (x->asked || object_is_over(x) || x->state == OBJECT_SERVED)
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

static size_t crds_of(const struct seq_component *c)
{
	size_t n = 0;

	while (n < c->def->objects.len && c->def->objects.items[n].wave == WAVE_CRDS)
		n++;
	return n;
}

/* What was ready and may not be so any more; c is past its waves. */
static int ask_doubted(struct sequence *s, struct seq_component *c, uint64_t *next_ms,
		       struct err *err)
{
	int r;

	if (!c->applied || !c->doubted)
		return 0;
	r = start_range(s, c, 0, c->def->objects.len, APPLY_IN_FLIGHT, next_ms, err);
	if (r >= 0)
		sequence_settle(c);
	return r;
}

/*
 * Start what may start: waves of the components that nothing holds back, in order; then, with
 * the room that is left, the CRDs of those that have to wait. They hang on nothing, and
 * registering them is most of the server's work.
 */
static int start_objects(struct sequence *s, uint64_t *next_ms, bool *moved, struct err *err)
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
			size_t first = 0, end = crds_of(c);

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
				r = start_range(s, c, first, end,
						early ? EARLY_IN_FLIGHT : APPLY_IN_FLIGHT, next_ms,
						err);
			if (r < 0)
				return r;
		}
	}
	return 0;
}

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
	for (size_t k = 0; k < crds_of(c); k++) {
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

/* CRDs that are applied: are they served by now? One question for all of them. */
static int run_discovery(struct sequence *s, uint64_t *next_ms, bool *moved, struct err *err)
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

		for (size_t k = 0; k < crds_of(c); k++) {
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

static int run_gates(struct sequence *s, struct seq_component *c, uint64_t *next_ms, bool *moved,
		     struct err *err)
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

int sequence_lead(struct sequence *s, const char *identity, struct err *err)
{
	return leader_new(identity, &s->leader, err);
}

static bool guard(const void *user)
{
	return leader_is_sure(user);
}

static bool all_open(const struct sequence *s)
{
	for (size_t i = 0; i < s->index->components.len; i++)
		if (!s->components[i].open || s->components[i].doubted)
			return false;
	return true;
}

static int advance(struct sequence *s, uint64_t *next_ms, bool *moved, struct err *err)
{
	int r = sequence_identity(s, next_ms, err);

	if (r < 0 || !s->identified)
		return r;
	r = sequence_cluster(s, next_ms, err);
	if (r >= 0)
		r = run_discovery(s, next_ms, moved, err);
	if (r >= 0)
		r = start_objects(s, next_ms, moved, err);
	for (size_t i = 0; r >= 0 && i < s->index->components.len; i++)
		if (s->components[i].applied)
			r = run_gates(s, &s->components[i], next_ms, moved, err);
	if (r >= 0 && !s->busy && all_open(s)) {
		r = sequence_recheck(s, err);
		r = r == 0 ? sequence_hand_over(s, err) : r;
	}
	return r < 0 ? r : 0;
}

/* What the answer to a PATCH says of more than its own object. */
static int after_patch(struct sequence *s, const struct apply_item *it, struct err *err)
{
	if (it->class == KUBE_OK && it->effect == APPLY_CREATED && object_is_namespace(it->object))
		return sequence_lose_namespace(s, it->object->name, err);
	sequence_doubt_ground(s, it->object, it->class);
	return 0;
}

/* The next answer, or the time at which something is due. */
static int receive(struct sequence *s, uint64_t until_ms, bool *moved, struct err *err)
{
	uint64_t now = clock_ms();
	unsigned int wait = until_ms > now ? (unsigned int)(until_ms - now) : 0;
	struct apply_item *it;
	struct seq_slot *slot;
	struct seq_object *x;
	int r;

	if (!s->busy) {
		clock_sleep_ms(wait);
		return 0;
	}
	it = apply_next(s->kube, wait, &s->stats);
	if (!it)
		return 0;
	slot = s->slots;
	while (&slot->item != it)
		slot++;
	x = it->user;
	x->asked = slot->busy = false;
	s->busy--;
	s->busy_bytes -= slot->bytes;
	r = x->lost ? object_lose(x, s->journal, err) : object_reply(x, it, s->journal, moved, err);
	if (r >= 0 && it->verb == APPLY_PATCH)
		r = after_patch(s, it, err);
	s->inventory_due |= *moved && x->object->hook; /* a hook must not run twice, wherever */
	apply_item_done(it);
	return r;
}

/* All open, and the cluster knows it. */
static bool is_finished(const struct sequence *s)
{
	return all_open(s) && !s->hand_over_due &&
	       !(s->may_write && (s->inventory_due || s->inventory_by_ms || s->inventory.dirty));
}

static bool is_lively(const struct sequence *s)
{
	return clock_ms() - s->moved_ms < LIVELY_MS;
}

/* What is under way at the end stays so when we are called again at once. */
static int run_until(struct sequence *s, uint64_t end, struct err *err)
{
	for (;;) {
		uint64_t next_ms = clock_ms() + IDLE_MS;
		bool moved = false;
		int r = 0;

		if (clock_ms() < end)
			r = advance(s, &next_ms, &moved, err);
		if (r < 0)
			return r;
		if (!s->busy && is_finished(s))
			return 0;
		if (clock_ms() >= end && (!s->busy || (is_lively(s) && !all_open(s))))
			return 0;
		r = receive(s, moved ? 0 : next_ms, &moved, err);
		if (r < 0)
			return r;
		if (moved)
			s->moved_ms = clock_ms();
	}
}

int sequence_turn(struct sequence *s, unsigned int budget_ms, struct step_turn *turn,
		  struct err *err)
{
	int r;

	kube_guard(s->kube, s->leader ? guard : NULL, s->leader);
	r = run_until(s, clock_ms() + budget_ms, err);
	if (r < 0)
		sequence_cancel(s);
	else
		r = journal_sync(s->journal, err);
	if (r >= 0)
		r = sequence_words(s, err);
	if (r < 0)
		return r;
	sequence_describe(s, turn);
	if (all_open(s) && s->leader)
		leader_release(s->leader, s->kube);
	if (all_open(s))
		return TURN_DONE;
	return is_lively(s) ? TURN_MORE : TURN_WAIT;
}
