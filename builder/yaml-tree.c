#include "yaml-tree.h"

#include "yaml-scalar.h"
#include "yaml-util.h"

#include <string.h>

enum frame_state { IN_LIST, WANT_KEY, WANT_VALUE, WANT_MERGE };

struct frame {
	struct kval *v;
	struct kval *key;
	enum frame_state state;
	size_t entries_base; /* of tree.entries */
	size_t anchor;	     /* index + 1 in tree.anchors, 0: none */
	uint64_t decodes_before;
	unsigned int height; /* of the deepest child so far */
};
struct entry {
	struct kval_pair pair; /* a list's item has no key */
	size_t seq;
	bool merged;
};
struct anchor {
	char *name;	  /* in the pool */
	struct kval *v;	  /* NULL: not complete yet */
	uint64_t decodes; /* steps that decoding it takes, aliases expanded */
	unsigned int height;
};
struct tree {
	struct kval_pool *pool;
	const struct yaml_piece *piece;
	struct err *err;
	struct frame *frames; /* all owned */
	size_t frames_len, frames_size;
	struct entry *entries;
	size_t entries_len, entries_size;
	struct anchor *anchors;
	size_t anchors_len, anchors_size;
	uint64_t decodes, alias_decodes;
	struct kval *root;
	size_t seen_index, seen_byte; /* a known pair, so that places are found going forward */
	unsigned int flow_depth;
};

static void tree_done(struct tree *t)
{
	free(t->frames);
	free(t->entries);
	free(t->anchors);
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

static int fail_at(struct tree *t, const struct kval *v, const char *what)
{
	return err_setf(t->err, -EINVAL, "%s:%u:%u: %s", t->piece->name, v->line, v->col, what);
}

static int fail_mark(struct tree *t, const yaml_mark_t *mark, const char *what, const char *detail)
{
	return err_setf(t->err, -EINVAL, "%s:%u:%u: %s%s", t->piece->name,
			t->piece->line + (unsigned int)mark->line, (unsigned int)mark->column + 1,
			what, detail);
}

static int fail_reader(struct tree *t, const yaml_parser_t *p)
{
	unsigned int line = t->piece->line, col = 1;

	for (size_t i = 0; i < p->problem_offset && i < t->piece->len; i++) {
		if (t->piece->text[i] == '\n') {
			line++;
			col = 1;
		} else if (((unsigned char)t->piece->text[i] & 0xc0) != 0x80) {
			col++;
		}
	}
	return err_setf(t->err, -EINVAL, "%s:%u:%u: %s (0x%02x); YAML is UTF-8 text",
			t->piece->name, line, col, p->problem ? p->problem : "not readable",
			(unsigned int)p->problem_value);
}

/* Kubernetes would drop it without a word. */
static const char text_after_end[] = "text after the end of the document; begin it with '---'";

static int err_yaml(struct tree *t, const yaml_parser_t *p)
{
	if (p->error == YAML_MEMORY_ERROR)
		return err_nomem(t->err);
	if (p->error == YAML_READER_ERROR)
		return fail_reader(t, p);
	if (t->root && t->frames_len == 0 && p->problem && strstr(p->problem, "<document start>"))
		return fail_mark(t, &p->problem_mark, text_after_end, "");
	return err_setf(t->err, -EINVAL, "%s:%u:%u: %s%s%s", t->piece->name,
			t->piece->line + (unsigned int)p->problem_mark.line,
			(unsigned int)p->problem_mark.column + 1,
			p->problem ? p->problem : "not YAML", p->context ? ", " : "",
			p->context ? p->context : "");
}

/* The byte of a character index; marks count characters. */
static const char *raw_at(struct tree *t, size_t index)
{
	const char *s = t->piece->text;

	if (index < t->seen_index)
		t->seen_index = t->seen_byte = 0;
	while (t->seen_index < index && t->seen_byte < t->piece->len) {
		t->seen_byte++;
		while (t->seen_byte < t->piece->len &&
		       ((unsigned char)s[t->seen_byte] & 0xc0) == 0x80)
			t->seen_byte++;
		t->seen_index++;
	}
	return s + t->seen_byte;
}

/* A value that JSON can hold. */
static int check_value(struct tree *t, const struct kval *v)
{
	if (v->type == KVAL_FLOAT && (v->text[0] == '.' || strcmp(v->text, "-.inf") == 0))
		return fail_at(t, v, "infinity and not-a-number have no JSON form");
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
		return fail_at(t, v, want);
	for (size_t i = v->items_len; i > 0 && r == 0;
	     i--) { /* the first of the list wins: it comes last */
		if (v->items[i - 1]->type != KVAL_MAP)
			return fail_at(t, v->items[i - 1], want);
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
		return fail_at(t, v, why);
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

static int add_anchor(struct tree *t, const char *name, size_t *ret_index)
{
	struct anchor *a;

	*ret_index = 0;
	if (!name)
		return 0;
	if (GROW(t, anchors) < 0)
		return err_nomem(t->err);
	a = &t->anchors[t->anchors_len];
	*a = (struct anchor){ .name = kval_strndup(t->pool, name, strlen(name)) };
	if (!a->name)
		return err_nomem(t->err);
	*ret_index = ++t->anchors_len;
	return 0;
}

static struct kval *new_at(struct tree *t, enum kval_type type, const yaml_mark_t *mark)
{
	struct kval *v = kval_new(t->pool, type);

	if (v) {
		v->line = t->piece->line + (unsigned int)mark->line;
		v->col = (unsigned int)mark->column + 1;
	}
	return v;
}

/* Go's bound on what aliases may blow up: from 99 % of small documents down to 10 % of large ones.
 */
static int check_aliases(struct tree *t, const yaml_mark_t *mark)
{
	static const double low = 400000, high = 4000000;
	double total = (double)t->decodes, allowed = 0.99;

	if (t->alias_decodes <= 100 || t->decodes <= 1000)
		return 0;
	if (total >= high)
		allowed = 0.10;
	else if (total > low)
		allowed = 0.99 - 0.89 * ((total - low) / (high - low));
	if ((double)t->alias_decodes / total <= allowed)
		return 0;
	return fail_mark(t, mark, "aliases expand to too much", "");
}

static int on_alias(struct tree *t, const yaml_event_t *e)
{
	const char *name = (const char *)e->data.alias.anchor;
	const struct anchor *a = NULL;
	int r;

	for (size_t i = t->anchors_len; i > 0 && !a; i--)
		if (strcmp(t->anchors[i - 1].name, name) == 0)
			a = &t->anchors[i - 1];
	if (!a)
		return fail_mark(t, &e->start_mark, "no anchor before this alias: *", name);
	if (!a->v)
		return fail_mark(t, &e->start_mark, "the anchor's value contains itself: *", name);
	if (t->frames_len + a->height > KVAL_DEPTH_MAX)
		return fail_mark(t, &e->start_mark, "nested too deeply", "");
	if (__builtin_add_overflow(t->decodes, a->decodes + 1, &t->decodes))
		t->decodes = UINT64_MAX;
	if (__builtin_add_overflow(t->alias_decodes, a->decodes, &t->alias_decodes))
		t->alias_decodes = UINT64_MAX;
	r = check_aliases(t, &e->start_mark);
	return r < 0 ? r : deliver(t, a->v, true, false, a->height);
}

/* "! text": the tag that says "no resolution"; libyaml does not report it. */
static bool has_bare_tag(struct tree *t, const yaml_event_t *e)
{
	const char *s = raw_at(t, e->start_mark.index), *end = raw_at(t, e->end_mark.index);

	if (s < end && *s == '&') {
		while (s < end && !strchr(" \t\n", *s))
			s++;
		while (s < end && strchr(" \t\n", *s))
			s++;
	}
	return s < end && *s == '!';
}

/* What libyaml reads and Go refuses. */
static int check_like_go(struct tree *t, const yaml_event_t *e)
{
	const char *s = (const char *)e->data.scalar.value;
	const char *raw, *end;

	if (e->data.scalar.style == YAML_PLAIN_SCALAR_STYLE && t->flow_depth > 0 && strchr(s, '?'))
		return fail_mark(t, &e->start_mark,
				 "'?' in a plain scalar inside brackets must be quoted", "");
	if (e->data.scalar.style != YAML_DOUBLE_QUOTED_SCALAR_STYLE || !strchr(s, '/'))
		return 0;
	raw = raw_at(t, e->start_mark.index);
	end = raw_at(t, e->end_mark.index);
	for (; raw + 1 < end; raw++) {
		if (*raw != '\\')
			continue;
		if (raw[1] == '/')
			return fail_mark(t, &e->start_mark,
					 "'\\/' is no escape for Kubernetes; write '/'", "");
		raw++;
	}
	return 0;
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

	if (plain && !tag && strchr("!&", *raw_at(t, e->start_mark.index)) && has_bare_tag(t, e))
		plain = false;
	if (!plain && !tag) {
		*ret = kval_new_text(t->pool, KVAL_STRING, text, len);
		return *ret ? 0 : err_nomem(t->err);
	}
	r = yaml_scalar_resolve(t->pool, tag ? tag : "", text, len, ret, &why);
	if (r == -EINVAL)
		return fail_mark(t, &e->start_mark, why, "");
	return r < 0 ? err_nomem(t->err) : 0;
}

static int on_scalar(struct tree *t, const yaml_event_t *e)
{
	struct kval *v = NULL;
	size_t anchor;
	int r = check_like_go(t, e);

	if (r == 0)
		r = add_anchor(t, (const char *)e->data.scalar.anchor, &anchor);
	if (r == 0)
		r = scalar_value(t, e, &v);
	if (r < 0)
		return r;
	v->line = t->piece->line + (unsigned int)e->start_mark.line;
	v->col = (unsigned int)e->start_mark.column + 1;
	t->decodes++;
	if (anchor) {
		t->anchors[anchor - 1].v = v;
		t->anchors[anchor - 1].decodes = 1;
	}
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
			   .decodes_before = t->decodes };
	int r;

	if (t->frames_len >= KVAL_DEPTH_MAX)
		return fail_mark(t, &e->start_mark, "nested too deeply", "");
	r = add_anchor(t, (const char *)name, &f.anchor);
	if (r < 0)
		return r;
	f.v = new_at(t, list ? KVAL_LIST : KVAL_MAP, &e->start_mark);
	if (!f.v || GROW(t, frames) < 0)
		return err_nomem(t->err);
	t->frames[t->frames_len++] = f;
	t->decodes++;
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
					t->piece->name, from[i].pair.key->line,
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
	if (f.anchor) {
		t->anchors[f.anchor - 1].v = f.v;
		t->anchors[f.anchor - 1].decodes = t->decodes - f.decodes_before;
		t->anchors[f.anchor - 1].height = f.height + 1;
	}
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
			return fail_mark(t, &e->start_mark, text_after_end, "");
		return 0;
	case YAML_DOCUMENT_END_EVENT:
		return check_aliases(t, &e->start_mark);
	default:
		return 0;
	}
}

/* libyaml skips a byte order mark at the start of any line, Go takes it for text. */
static int check_marks(struct tree *t)
{
	const struct yaml_piece *p = t->piece;
	const char *hit = memmem(p->text, p->len, "\n\xef\xbb\xbf", 4);
	yaml_mark_t mark = { 0 };

	if (!hit)
		return 0;
	for (const char *c = p->text; c <= hit; c++)
		mark.line += *c == '\n';
	return fail_mark(t, &mark, "a byte order mark inside a document", "");
}

int yaml_piece_read(struct kval_pool *pool, const struct yaml_piece *piece, struct kval **ret_root,
		    struct err *err)
{
	cleanup_tree struct tree t = { .pool = pool, .err = err };
	cleanup_yaml_parser yaml_parser_t parser = { 0 };
	bool more = true;
	struct yaml_piece rest = *piece;
	int r;

	if (piece->len >= 3 && memcmp(piece->text, "\xef\xbb\xbf", 3) == 0) {
		rest.text += 3;
		rest.len -= 3;
	}
	t.piece = &rest;
	r = check_marks(&t);
	if (r < 0)
		return r;
	if (!yaml_parser_initialize(&parser))
		return err_nomem(err);
	yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&parser, (const unsigned char *)rest.text, rest.len);
	while (more) {
		cleanup_yaml_event yaml_event_t event = { 0 };

		if (!yaml_parser_parse(&parser, &event))
			return err_yaml(&t, &parser);
		r = on_event(&t, &event);
		if (r < 0)
			return r;
		more = event.type != YAML_STREAM_END_EVENT;
	}
	*ret_root = t.root;
	return 0;
}
