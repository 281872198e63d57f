/* The sequence beside other control-planes: who leads, and what the cluster knows of it. */
#include "buf.h"
#include "clock.h"
#include "sequence-internal.h"

#include <string.h>

#define RETRY_MS 1000
#define FOLLOW_MS 3000 /* how often one that does not lead looks what the leader did */

/* Take over what the cluster knows of our objects and this machine's journal does not. */
static int adopt_inventory(struct sequence *s, struct err *err)
{
	char record[128];

	for (size_t i = 0; i < s->index->components.len; i++) {
		struct seq_component *c = &s->components[i];
		const char *text = inventory_get(&s->inventory, c->def->name);

		if (strncmp(text, INVENTORY_HANDED_OVER "\n", strlen(INVENTORY_HANDED_OVER) + 1) ==
			    0 &&
		    !c->handed_over)
			sequence_mark_handed_over(c);
		for (size_t k = 0; k < c->def->objects.len; k++) {
			struct seq_object *x = &c->objects[k];
			int r;

			if (!inventory_find(text, x->key, record, sizeof(record)))
				continue;
			r = object_adopt(x, record, s->journal, err);
			if (r < 0)
				return r;
		}
	}
	return 0;
}

/* The component's lines: our objects as the journal has them, then what older bundles left. */
static int format_component(struct sequence *s, const struct seq_component *c, struct buf *b)
{
	const char *old = inventory_get(&s->inventory, c->def->name);

	if (c->handed_over)
		(void)buf_adds(b, INVENTORY_HANDED_OVER "\n");
	for (size_t i = 0; i < c->def->objects.len; i++) {
		const char *record = object_record(&c->objects[i], s->journal);

		if (record)
			(void)buf_addf(b, "%s %s\n", record, c->objects[i].key);
	}
	while (*old) {
		size_t len = strcspn(old, "\n"), i = 0;
		const char *key = memrchr(old, ' ', len);
		size_t key_len = key ? len - (size_t)(++key - old) : 0;

		while (key && i < c->def->objects.len &&
		       (strlen(c->objects[i].key) != key_len ||
			strncmp(c->objects[i].key, key, key_len) != 0))
			i++;
		if (key && i == c->def->objects.len)
			(void)buf_addf(b, "%.*s\n", (int)len, old);
		old += len + (old[len] == '\n');
	}
	return buf_error(b);
}

static int save_inventory(struct sequence *s, struct err *err)
{
	for (size_t i = 0; i < s->index->components.len; i++) {
		const struct seq_component *c = &s->components[i];
		cleanup_buf struct buf b = BUF_INIT(1 << 20);
		int r;

		if (format_component(s, c, &b) < 0)
			return err_nomem(err);
		if (!b.len)
			continue;
		r = inventory_set(&s->inventory, c->def->name, buf_str(&b), err);
		if (r < 0)
			return r;
	}
	s->inventory_due = false;
	s->inventory_by_ms = 0;
	return inventory_save(&s->inventory, s->kube, err);
}

/* May it be asked again, after what went wrong? */
static bool may_ask(const struct inventory *inv)
{
	return !inv->trouble[0] || clock_ms() - inv->tried_ms >= RETRY_MS;
}

/* What another did while it led is to be read before we write, and now and then while it leads. */
static int run_leader(struct sequence *s, uint64_t *next_ms, struct err *err)
{
	uint64_t now = clock_ms();
	bool won = false;
	int r = leader_turn(s->leader, s->kube, s->writes, &won, err);

	seq_earlier(next_ms, now + leader_wait_ms(s->leader));
	if (won || (!leader_is_sure(s->leader) && now >= s->follow_ms)) {
		s->inventory.known = false;
		s->follow_ms = now + FOLLOW_MS;
	}
	return r;
}

/* Writes from when we led before: their objects take no word of another's yet. */
static bool writes_under_way(const struct sequence *s)
{
	for (size_t i = 0; i < APPLY_IN_FLIGHT; i++)
		if (s->slots[i].busy &&
		    (s->slots[i].item.verb == APPLY_PATCH || s->slots[i].item.verb == APPLY_DELETE))
			return true;
	return false;
}

int sequence_load_inventory(struct sequence *s, struct err *err)
{
	int r = inventory_load(&s->inventory, s->kube, err);

	return r >= 0 && s->inventory.known ? adopt_inventory(s, err) : r;
}

/* Components that were applied shortly after each other go in one write. */
static bool is_inventory_due(const struct sequence *s)
{
	bool applied = true;

	if (s->inventory_due || s->inventory.dirty || !s->inventory_by_ms)
		return s->inventory_due || s->inventory.dirty;
	for (size_t i = 0; i < s->index->components.len; i++)
		applied &= s->components[i].applied;
	return applied || clock_ms() >= s->inventory_by_ms;
}

/* Who leads, and what the cluster knows: before anything is written. */
int sequence_cluster(struct sequence *s, uint64_t *next_ms, struct err *err)
{
	struct inventory *inv = &s->inventory;
	int r = s->leader ? run_leader(s, next_ms, err) : 0;

	if (r >= 0 && !inv->known && may_ask(inv) && !writes_under_way(s))
		r = sequence_load_inventory(s, err);
	s->may_write = inv->known && (!s->leader || leader_is_sure(s->leader));
	if (r >= 0 && s->may_write && is_inventory_due(s) && may_ask(inv))
		r = save_inventory(s, err);
	return r;
}
