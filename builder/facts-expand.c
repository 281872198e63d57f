/* facts-expand - ${...} in a tree of values */
#include "buf.h"
#include "facts.h"

#include <string.h>

bool facts_set(const struct kval *facts, const char *name)
{
	const struct kval *v = kval_path(facts, name);

	if (!v)
		return false;
	switch (v->type) {
	case KVAL_NULL:
		return false;
	case KVAL_BOOL:
		return v->boolean;
	case KVAL_STRING:
		return v->text_len > 0;
	case KVAL_LIST:
		return v->items_len > 0;
	case KVAL_MAP:
		return v->pairs_len > 0;
	default:
		return true;
	}
}

struct expand {
	struct kval_pool *pool;
	const struct kval *facts;
	const char *file;
	struct err *err;
};

static int unknown(struct expand *e, const struct kval *at, const char *name)
{
	return err_setf(e->err, -EINVAL, "%s:%u:%u: no fact '%s'; docs/components.md lists them",
			e->file, at->line, at->col, name);
}

/* The fact between "${" and "}"; 1: a secret, which stays as it is. */
static int lookup(struct expand *e, const struct kval *at, const char *from, size_t len,
		  struct kval **ret)
{
	char name[256];

	if (len >= sizeof(name) || len == 0)
		return err_setf(e->err, -EINVAL, "%s:%u:%u: not a fact's name between '${' and '}'",
				e->file, at->line, at->col);
	memcpy(name, from, len);
	name[len] = '\0';
	if (strncmp(name, "secret:", 7) == 0)
		return 1;
	*ret = kval_path(e->facts, name);
	return *ret ? 0 : unknown(e, at, name);
}

static int append_scalar(struct expand *e, const struct kval *at, const struct kval *fact,
			 struct buf *out)
{
	switch (fact->type) {
	case KVAL_STRING:
	case KVAL_INT:
	case KVAL_FLOAT:
		return buf_add(out, fact->text, fact->text_len);
	case KVAL_BOOL:
		return buf_adds(out, fact->boolean ? "true" : "false");
	default:
		return err_setf(e->err, -EINVAL,
				"%s:%u:%u: a list, a map or nothing cannot stand inside a text; "
				"let '${...}' be the whole value",
				e->file, at->line, at->col);
	}
}

/* The text with every ${...} replaced. */
static int expand_text(struct expand *e, const struct kval *at, struct buf *out)
{
	const char *s = at->text, *hit, *end;
	struct kval *fact;
	int r;

	while ((hit = strstr(s, "${"))) {
		if (hit > s && hit[-1] == '$') { /* "$${" */
			(void)buf_add(out, s, (size_t)(hit - s) - 1);
			(void)buf_adds(out, "${");
			s = hit + 2;
			continue;
		}
		(void)buf_add(out, s, (size_t)(hit - s));
		end = strchr(hit, '}');
		if (!end)
			return err_setf(e->err, -EINVAL,
					"%s:%u:%u: '${' without '}'; a plain one is '$${'", e->file,
					at->line, at->col);
		r = lookup(e, at, hit + 2, (size_t)(end - hit) - 2, &fact);
		if (r < 0)
			return r;
		if (r == 1)
			(void)buf_add(out, hit, (size_t)(end + 1 - hit));
		else if ((r = append_scalar(e, at, fact, out)) < 0)
			return r;
		s = end + 1;
	}
	return buf_adds(out, s) < 0 ? err_nomem(e->err) : 0;
}

static int expand_string(struct expand *e, struct kval *v)
{
	cleanup_buf struct buf out = BUF_INIT(16 << 20);
	const char *end = strchr(v->text, '}');
	struct kval *fact;
	int r;

	if (!strstr(v->text, "${"))
		return 0;
	if (strncmp(v->text, "${", 2) == 0 && end && end[1] == '\0') {
		r = lookup(e, v, v->text + 2, v->text_len - 3, &fact);
		if (r == 0) {
			unsigned int line = v->line, col = v->col;

			*v = *fact;
			v->line = line;
			v->col = col;
		}
		return r < 0 ? r : 0;
	}
	r = expand_text(e, v, &out);
	if (r < 0)
		return r;
	v->text = kval_strndup(e->pool, buf_str(&out), out.len);
	v->text_len = out.len;
	return v->text ? 0 : err_nomem(e->err);
}

static int expand(struct expand *e, struct kval *v)
{
	size_t dup;
	bool keys = false;
	int r = 0;

	if (v->type == KVAL_STRING)
		return expand_string(e, v);
	for (size_t i = 0; v->type == KVAL_LIST && i < v->items_len && r == 0; i++)
		r = expand(e, v->items[i]);
	for (size_t i = 0; v->type == KVAL_MAP && i < v->pairs_len && r == 0; i++) {
		struct kval *key = v->pairs[i].key;

		if (strstr(key->text, "${")) {
			cleanup_buf struct buf out = BUF_INIT(1 << 20);

			r = expand_text(e, key, &out);
			if (r < 0)
				return r;
			key = kval_new_text(e->pool, KVAL_STRING, buf_str(&out), out.len);
			if (!key)
				return err_nomem(e->err);
			v->pairs[i].key = key;
			keys = true;
		}
		r = expand(e, v->pairs[i].value);
	}
	if (r == 0 && keys && kval_sort(v, &dup) < 0)
		return err_setf(e->err, -EINVAL,
				"%s:%u:%u: key '%s' is there twice once '${...}' is replaced",
				e->file, v->line, v->col, v->pairs[dup].key->text);
	return r;
}

int facts_expand(struct kval_pool *pool, const struct kval *facts, const char *file, struct kval *v,
		 struct err *err)
{
	struct expand e = { pool, facts, file, err };

	return expand(&e, v);
}
