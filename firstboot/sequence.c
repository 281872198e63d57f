#include "sequence-internal.h"

#include "clock.h"

#define IDLE_MS 100	/* the longest sleep while nothing is under way */
#define LIVELY_MS 60000 /* something moved that lately: no long pauses */

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
		r = sequence_look_at_served(s, next_ms, moved, err);
	if (r >= 0)
		r = sequence_start(s, next_ms, moved, err);
	for (size_t i = 0; r >= 0 && i < s->index->components.len; i++)
		if (s->components[i].applied)
			r = sequence_look_at_gates(s, &s->components[i], next_ms, moved, err);
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
