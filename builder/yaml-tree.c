#include "yaml-tree.h"

#include "yaml-anchors.h"
#include "yaml-go.h"
#include "yaml-scalar.h"
#include "yaml-util.h"

#include <string.h>

enum frame_state { IN_LIST, WANT_KEY, WANT_VALUE, WANT_MERGE };

struct frame {
	struct kval *v;
	struct kval *key;
	enum frame_state state;
	size_t entries_base; /* of tree.entries */
	size_t anchor;	     /* of yaml-anchors */
	uint64_t decodes_before;
	unsigned int height; /* of the deepest child so far */
};
struct entry {
	struct kval_pair pair; /* a list's item has no key */
	size_t seq;
	bool merged;
};
struct tree {
	struct kval_pool *pool;
	struct yaml_piece piece;
	struct err *err;
	struct frame *frames; /* all owned */
	size_t frames_len, frames_size;
	struct entry *entries;
	size_t entries_len, entries_size;
	struct yaml_anchors anchors;
	struct kval *root;
	unsigned int flow_depth;
};

static void tree_done(struct tree *t)
{
	free(t->frames);
	free(t->entries);
	yaml_anchors_done(&t->anchors);
}
#define cleanup_tree CLEANUP(tree_done)

#define GROW(t, what)                                                                              \
	({                                                                                         \
		int r_ = 0;                                                                        \
		if ((t)->what##_len == (t)->what##_size) {                                         \
			size_t n_ = (t)->what##_size ? (t)->what##_size * 2 : 64;                  \
			__typeof__((t)->what) p_ = reallocarray((t)->what, n_, sizeof(*p_));       \
			if (p_) {                                                                  \
				(t)->what = p_;                                                    \
				(t)->what##_size = n_;                                             \
			} else {                                                                   \
				r_ = -ENOMEM;                                                      \
			}                                                                          \
		}                                                                                  \
		r_;                                                                                \
	})

/* Kubernetes would drop it without a word. */
#define TEXT_AFTER_END "text after the end of the document; begin it with '---'"

static int parser_failed(struct tree *t, const yaml_parser_t *p)
{
	if (p->error != YAML_MEMORY_ERROR && p->error != YAML_READER_ERROR && t->root &&
	    t->frames_len == 0 && p->problem && strstr(p->problem, "<document start>"))
		return yaml_piece_failf(&t->piece, &p->problem_mark, t->err, TEXT_AFTER_END);
	return yaml_piece_fail_parser(&t->piece, p, t->err);
}

/* A value that JSON can hold. */
static int check_value(struct tree *t, const struct kval *v)
{
	if (v->type == KVAL_FLOAT && (v->text[0] == '.' || strcmp(v->text, "-.inf") == 0))
		return yaml_piece_fail_value(&t->piece, v,
					     "infinity and not-a-number have no JSON form", t->err);
	return 0;
}

static int push_entry(struct tree *t, struct kval *key, struct kval *value, bool merged)
{
	if (GROW(t, entries) < 0)
		return err_nomem(t->err);
	t->entries[t->entries_len] = (struct entry){ { key, value }, t->entries_len, merged };
	t->entries_len++;
	return 0;
}

static int push_merge(struct tree *t, const struct kval *map)
{
	int r = 0;

	for (size_t i = 0; i < map->pairs_len && r == 0; i++)
		r = push_entry(t, map->pairs[i].key, map->pairs[i].value, true);
	return r;
}

static int deliver_merge(struct tree *t, const struct kval *v, bool is_alias)
{
	static const char want[] = "'<<' takes a map or a list of maps";
	int r = 0;

	if (v->type == KVAL_MAP)
		return push_merge(t, v);
	if (v->type != KVAL_LIST || is_alias)
		return yaml_piece_fail_value(&t->piece, v, want, t->err);
	for (size_t i = v->items_len; i > 0 && r == 0;
	     i--) { /* the first of the list wins: it comes last */
		if (v->items[i - 1]->type != KVAL_MAP)
			return yaml_piece_fail_value(&t->piece, v->items[i - 1], want, t->err);
		r = push_merge(t, v->items[i - 1]);
	}
	return r;
}

static int deliver_key(struct tree *t, struct frame *f, const struct kval *v)
{
	const char *why = NULL, *text = NULL;
	struct kval *key;
	size_t len = 0;
	int r;

	r = yaml_scalar_key(t->pool, v, &text, &len, &why);
	if (r == -EINVAL)
		return yaml_piece_fail_value(&t->piece, v, why, t->err);
	key = r == 0 ? kval_new(t->pool, KVAL_STRING) : NULL;
	if (!key)
		return err_nomem(t->err);
	key->text = text;
	key->text_len = len;
	key->line = v->line;
	key->col = v->col;
	f->key = key;
	f->state = WANT_VALUE;
	return 0;
}

/* A complete node goes to the collection that is open, or is the root. */
static int deliver(struct tree *t, struct kval *v, bool is_alias, bool is_merge,
		   unsigned int height)
{
	struct frame *f = t->frames_len > 0 ? &t->frames[t->frames_len - 1] : NULL;
	int r;

	if (f && height > f->height)
		f->height = height;
	if (f && f->state == WANT_KEY) {
		if (!is_merge)
			return deliver_key(t, f, v);
		f->state = WANT_MERGE;
		return 0;
	}
	if (f && f->state == WANT_MERGE) {
		f->state = WANT_KEY;
		return deliver_merge(t, v, is_alias);
	}
	r = check_value(t, v);
	if (r < 0)
		return r;
	if (!f) {
		t->root = v;
		return 0;
	}
	if (f->state == WANT_VALUE)
		f->state = WANT_KEY;
	return push_entry(t, f->state == IN_LIST ? NULL : f->key, v, false);
}

static int on_alias(struct tree *t, const yaml_event_t *e)
{
	const struct yaml_anchor *a = NULL;
	int r = yaml_anchors_use(&t->anchors, &t->piece, e, t->frames_len, &a, t->err);

	return r < 0 ? r : deliver(t, a->v, true, false, a->height);
}

/* "<<" as a key that takes another mapping in. */
static bool is_merge_key(const yaml_event_t *e)
{
	const char *tag = (const char *)e->data.scalar.tag;

	if (strcmp((const char *)e->data.scalar.value, "<<") != 0)
		return false;
	return tag ? strcmp(tag, YAML_TAG("merge")) == 0
		   : e->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
}

/* What the text means: a string when it is quoted or tagged so, else as it looks. */
static int scalar_value(struct tree *t, const yaml_event_t *e, struct kval **ret)
{
	const char *text = (const char *)e->data.scalar.value, *why = NULL;
	const char *tag = (const char *)e->data.scalar.tag;
	bool plain = e->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
	size_t len = e->data.scalar.length;
	int r;

	if (plain && !tag && yaml_go_has_bare_tag(&t->piece, e))
		plain = false;
	if (!plain && !tag) {
		*ret = kval_new_text(t->pool, KVAL_STRING, text, len);
		return *ret ? 0 : err_nomem(t->err);
	}
	r = yaml_scalar_resolve(t->pool, tag ? tag : "", text, len, ret, &why);
	if (r == -EINVAL)
		return yaml_piece_failf(&t->piece, &e->start_mark, t->err, "%s", why);
	return r < 0 ? err_nomem(t->err) : 0;
}

static int on_scalar(struct tree *t, const yaml_event_t *e)
{
	struct kval *v = NULL;
	size_t anchor;
	int r = yaml_go_check_scalar(&t->piece, e, t->flow_depth > 0, t->err);

	if (r == 0)
		r = yaml_anchors_begin(&t->anchors, t->pool, e->data.scalar.anchor, &anchor,
				       t->err);
	if (r == 0)
		r = scalar_value(t, e, &v);
	if (r < 0)
		return r;
	yaml_piece_place(&t->piece, &e->start_mark, v);
	t->anchors.decodes++;
	yaml_anchors_end(&t->anchors, anchor, v, t->anchors.decodes - 1, 0);
	return deliver(t, v, false, is_merge_key(e), 0);
}

static int on_start(struct tree *t, const yaml_event_t *e, bool list)
{
	const yaml_char_t *name =
		list ? e->data.sequence_start.anchor : e->data.mapping_start.anchor;
	bool flow = list ? e->data.sequence_start.style == YAML_FLOW_SEQUENCE_STYLE
			 : e->data.mapping_start.style == YAML_FLOW_MAPPING_STYLE;
	struct frame f = { .state = list ? IN_LIST : WANT_KEY,
			   .entries_base = t->entries_len,
			   .decodes_before = t->anchors.decodes };
	int r;

	if (t->frames_len >= KVAL_DEPTH_MAX)
		return yaml_piece_failf(&t->piece, &e->start_mark, t->err, "nested too deeply");
	r = yaml_anchors_begin(&t->anchors, t->pool, name, &f.anchor, t->err);
	if (r < 0)
		return r;
	f.v = kval_new(t->pool, list ? KVAL_LIST : KVAL_MAP);
	if (!f.v || GROW(t, frames) < 0)
		return err_nomem(t->err);
	yaml_piece_place(&t->piece, &e->start_mark, f.v);
	t->frames[t->frames_len++] = f;
	t->anchors.decodes++;
	t->flow_depth += flow || t->flow_depth > 0;
	return 0;
}

static int entry_cmp(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;
	const struct kval *k = x->pair.key, *l = y->pair.key;
	int r = memcmp(k->text, l->text, k->text_len < l->text_len ? k->text_len : l->text_len);

	if (r == 0 && k->text_len != l->text_len)
		r = k->text_len < l->text_len ? -1 : 1;
	return r != 0 ? r : x->seq < y->seq ? -1 : 1;
}

/* Sort the entries of a map; of equal ones the last wins, two written ones are a mistake. */
static int finish_map(struct tree *t, struct kval *map, struct entry *from, size_t n)
{
	bool sorted = true;

	for (size_t i = 1; i < n && sorted; i++)
		sorted = entry_cmp(&from[i - 1], &from[i]) < 0;
	if (!sorted)
		qsort(from, n, sizeof(*from), entry_cmp);
	map->pairs = kval_alloc(t->pool, n * sizeof(*map->pairs));
	if (n > 0 && !map->pairs)
		return err_nomem(t->err);
	for (size_t i = 0; i < n; i++) {
		struct kval_pair *last =
			map->pairs_len > 0 ? &map->pairs[map->pairs_len - 1] : NULL;

		if (!last || !kval_equal(last->key, from[i].pair.key)) {
			map->pairs[map->pairs_len++] = from[i].pair;
			continue;
		}
		if (!from[i].merged && !from[i - 1].merged)
			return err_setf(t->err, -EEXIST,
					"%s:%u:%u: key '%.100s' given twice, first in line %u",
					t->piece.name, from[i].pair.key->line,
					from[i].pair.key->col, from[i].pair.key->text,
					last->key->line);
		*last = from[i].pair;
		from[i].merged &= from[i - 1].merged; /* a written one stays known as written */
	}
	return 0;
}

static int on_end(struct tree *t)
{
	struct frame f = t->frames[--t->frames_len];
	struct entry *from = t->entries ? t->entries + f.entries_base : NULL;
	size_t n = t->entries_len - f.entries_base;
	int r;

	t->flow_depth -= t->flow_depth > 0;
	if (f.v->type == KVAL_MAP) {
		r = finish_map(t, f.v, from, n);
		if (r < 0)
			return r;
	} else if (n > 0) {
		f.v->items = kval_alloc(t->pool, n * sizeof(*f.v->items));
		if (!f.v->items)
			return err_nomem(t->err);
		for (size_t i = 0; i < n; i++)
			f.v->items[i] = from[i].pair.value;
		f.v->items_len = n;
	}
	t->entries_len = f.entries_base;
	yaml_anchors_end(&t->anchors, f.anchor, f.v, f.decodes_before, f.height + 1);
	return deliver(t, f.v, false, false, f.height + 1);
}

static int on_event(struct tree *t, const yaml_event_t *e)
{
	switch (e->type) {
	case YAML_SCALAR_EVENT:
		return on_scalar(t, e);
	case YAML_ALIAS_EVENT:
		return on_alias(t, e);
	case YAML_SEQUENCE_START_EVENT:
	case YAML_MAPPING_START_EVENT:
		return on_start(t, e, e->type == YAML_SEQUENCE_START_EVENT);
	case YAML_SEQUENCE_END_EVENT:
	case YAML_MAPPING_END_EVENT:
		return on_end(t);
	case YAML_DOCUMENT_START_EVENT:
		if (t->root)
			return yaml_piece_failf(&t->piece, &e->start_mark, t->err, TEXT_AFTER_END);
		return 0;
	case YAML_DOCUMENT_END_EVENT:
		return yaml_anchors_check(&t->anchors, &t->piece, &e->start_mark, t->err);
	default:
		return 0;
	}
}

int yaml_tree_read(struct kval_pool *pool, const struct yaml_piece *piece, struct kval **ret_root,
		   struct err *err)
{
	cleanup_tree struct tree t = { .pool = pool, .piece = *piece, .err = err };
	cleanup_yaml_parser yaml_parser_t parser = { 0 };
	bool more = true;
	int r;

	if (piece->len >= 3 && memcmp(piece->text, "\xef\xbb\xbf", 3) == 0) {
		t.piece.text += 3;
		t.piece.len -= 3;
	}
	r = yaml_go_check_piece(&t.piece, err);
	if (r < 0)
		return r;
	if (!yaml_parser_initialize(&parser))
		return err_nomem(err);
	yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&parser, (const unsigned char *)t.piece.text, t.piece.len);
	while (more) {
		cleanup_yaml_event yaml_event_t event = { 0 };

		if (!yaml_parser_parse(&parser, &event))
			return parser_failed(&t, &parser);
		r = on_event(&t, &event);
		if (r < 0)
			return r;
		more = event.type != YAML_STREAM_END_EVENT;
	}
	*ret_root = t.root;
	return 0;
}
