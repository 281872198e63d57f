/* decode - walk a mapping along its table; what all decoders share */
#include "decode.h"

#include "buf.h"

#include <string.h>

struct pos ynode_pos(const struct ynode *n)
{
	return (struct pos){ n->line, n->col };
}

char *decode_strdup(struct decode *d, const char *s)
{
	char *p = strdup(s);

	if (!p)
		d->diags->nomem = true;
	return p;
}

void *decode_calloc(struct decode *d, size_t n, size_t size)
{
	void *p = calloc(n ? n : 1, size);

	if (!p)
		d->diags->nomem = true;
	return p;
}

const struct field *field_find(const struct field *fields, const char *key)
{
	for (const struct field *f = fields; f->key; f++)
		if (strcmp(f->key, key) == 0)
			return f;
	return NULL;
}

/* Levenshtein's distance with swaps of neighbours, of words below 32 characters. */
static unsigned int distance(const char *a, const char *b)
{
	size_t la = strlen(a), lb = strlen(b);
	unsigned int rows[3][33];

	if (la > 32 || lb > 32)
		return 99;
	for (size_t j = 0; j <= lb; j++)
		rows[0][j] = (unsigned int)j;
	for (size_t i = 1; i <= la; i++) {
		unsigned int *cur = rows[i % 3], *prev = rows[(i + 2) % 3],
			     *prev2 = rows[(i + 1) % 3];

		cur[0] = (unsigned int)i;
		for (size_t j = 1; j <= lb; j++) {
			unsigned int best = prev[j - 1] + (a[i - 1] != b[j - 1]);

			if (prev[j] + 1 < best)
				best = prev[j] + 1;
			if (cur[j - 1] + 1 < best)
				best = cur[j - 1] + 1;
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
			    prev2[j - 2] + 1 < best)
				best = prev2[j - 2] + 1;
			cur[j] = best;
		}
	}
	return rows[la % 3][lb];
}

const char *nearest_word(const char *word, const char *const *candidates, size_t len)
{
	unsigned int best = 3;
	const char *found = NULL;
	size_t wl = strlen(word);

	for (size_t i = 0; i < len; i++) {
		unsigned int n = distance(word, candidates[i]);

		if (n < best && n * 2 < wl) {
			best = n;
			found = candidates[i];
		}
	}
	if (found || wl < 3)
		return found;
	for (size_t i = 0; i < len; i++) /* gateway for gateways, ssh_key for ssh_keys */
		if (strncmp(word, candidates[i], wl) == 0 ||
		    strncmp(word, candidates[i], strlen(candidates[i])) == 0)
			return candidates[i];
	return NULL;
}

const struct field *decode_unknown_key(struct decode *d, const struct ynode *key,
				       const struct field *fields)
{
	cleanup_buf struct buf all = BUF_INIT(4096);
	char shown[DIAG_VALUE_MAX];
	const char *names[64] = { NULL }, *near;
	size_t n = 0;

	for (const struct field *f = fields; f->key && n < ARRAY_SIZE(names); f++) {
		names[n++] = f->key;
		buf_addf(&all, "%s%s", n > 1 ? ", " : "", f->key);
	}
	near = nearest_word(key->text, names, n);
	if (near)
		decode_diagf(d, key, "unknown key '%s'; did you mean '%s'?",
			     diag_value(key->text, shown), near);
	else if (n == 0)
		decode_diagf(d, key, "unknown key '%s'; no key is known here",
			     diag_value(key->text, shown));
	else
		decode_diagf(d, key, "unknown key '%s'; known here: %s",
			     diag_value(key->text, shown), buf_str(&all));
	return near ? field_find(fields, near) : NULL;
}

static void set_pos(const struct field *f, void *base, const struct ynode *v)
{
	if (f->pos_offset)
		*(struct pos *)(void *)((char *)base + f->pos_offset) = ynode_pos(v);
}

/* A missing key: its default, decoded like any value, at no place. */
static void decode_default(struct decode *d, const struct field *f, void *base)
{
	struct ynode n = { .kind = YNODE_SCALAR, .plain = false, .width = 1 };

	if (f->type == &type_map) {
		decode_map(d, NULL, f->arg, base);
		return;
	}
	if (!f->def)
		return;
	n.text = decode_strdup(d, f->def);
	if (n.text)
		f->type->decode(d, &n, f, (char *)base + f->offset);
	free(n.text);
}

static size_t told(const struct decode *d)
{
	return d->diags->len + d->diags->dropped;
}

/* A value that was not understood has no place: later checks see it as not written. */
static void decode_value(struct decode *d, const struct ynode *v, const struct field *f, void *base)
{
	size_t before = told(d);

	if (f->flags & FIELD_SECRET)
		decode_hide(d, v);
	if (ynode_is_null(v)) {
		decode_diagf(d, v->key ? v->key : v, "key '%s' has no value", f->key);
		return;
	}
	f->type->decode(d, v, f, (char *)base + f->offset);
	if (told(d) == before)
		set_pos(f, base, v);
}

static void missing_key(struct decode *d, const struct ynode *v, const char *name)
{
	char shown[DIAG_VALUE_MAX];

	if (v->key)
		decode_diagf(d, v->key, "missing key '%s' in '%s'", name,
			     diag_value(v->key->text, shown));
	else
		decode_diagf(d, v, "missing key '%s'", name);
}

void decode_map(struct decode *d, const struct ynode *v, const struct field *fields, void *base)
{
	uint64_t seen = 0, meant = 0; /* meant: misspelt, so not missing too */

	if (v && v->kind != YNODE_MAP) {
		decode_diagf(d, v, "expected a mapping, found %s", ynode_what(v));
		return;
	}
	for (size_t i = 0; v && i < v->len; i++) {
		const struct field *f = field_find(fields, v->keys[i]->text);

		if (!f) {
			f = decode_unknown_key(d, v->keys[i], fields);
			meant |= f ? UINT64_C(1) << (f - fields) : 0;
			continue;
		}
		if (seen & UINT64_C(1) << (f - fields)) /* told by yaml-doc */
			continue;
		seen |= UINT64_C(1) << (f - fields);
		decode_value(d, v->items[i], f, base);
	}
	for (const struct field *f = fields; f->key; f++) {
		if (seen & UINT64_C(1) << (f - fields))
			continue;
		if (!(f->flags & FIELD_REQUIRED))
			decode_default(d, f, base);
		else if (v && !(meant & UINT64_C(1) << (f - fields)))
			missing_key(d, v, f->key);
	}
}

void decode_done(const struct field *fields, void *base)
{
	for (const struct field *f = fields; f->key; f++) {
		if (f->type == &type_map)
			decode_done(f->arg, base);
		else if (f->type->done)
			f->type->done((char *)base + f->offset);
	}
}

const char *decode_scalar(struct decode *d, const struct ynode *v, const char *what)
{
	if (v->kind == YNODE_SCALAR && !ynode_is_null(v))
		return v->text;
	decode_diagf(d, v, "expected %s, found %s", what, ynode_what(v));
	return NULL;
}

/* What YAML 1.2's core schema takes for a number. */
static bool looks_number(const char *s)
{
	char *end;

	if (*s == '-' || *s == '+')
		s++;
	if (*s == '\0' || strspn(s, "0123456789.eExXoabcdfABCDF+-_") != strlen(s))
		return false;
	if (strchr("0123456789.", *s) == NULL)
		return false;
	if (strspn(s, "0123456789") == strlen(s))
		return true;
	(void)strtod(s, &end); /* only to see where a number would end */
	return *end == '\0';
}

const char *decode_text(struct decode *d, const struct ynode *v, const char *what)
{
	const char *s = decode_scalar(d, v, what);
	char shown[DIAG_VALUE_MAX];

	if (!s || !v->plain)
		return s;
	if (strcasecmp(s, "true") == 0 || strcasecmp(s, "false") == 0 || looks_number(s)) {
		diag_value(s, shown);
		decode_diagf(d, v,
			     "expected %s; text that looks like a %s stands in quotes: \"%s\"",
			     what, looks_number(s) ? "number" : "boolean", shown);
		return NULL;
	}
	return s;
}

void decode_hide(struct decode *d, const struct ynode *v)
{
	if (v->kind == YNODE_SCALAR) {
		unsigned int lines = 0;

		diag_hide(d->diags, v->line, v->col, v->width > 1 ? v->width : 10000);
		for (const char *p = v->text; (p = strchr(p, '\n')) && lines < 1000; p++)
			diag_hide(d->diags, v->line + ++lines, 1, 10000);
		if (lines || v->width == 1)
			diag_hide(d->diags, v->line + lines + 1, 1,
				  v->width == 1 && lines ? 10000 : 0);
		return;
	}
	for (size_t i = 0; i < v->len; i++)
		decode_hide(d, v->items[i]);
}

static json_t *scalar_json(struct decode *d, const struct ynode *v)
{
	char *end;

	if (ynode_is_null(v))
		return json_null();
	if (v->plain && (strcmp(v->text, "true") == 0 || strcmp(v->text, "false") == 0))
		return json_boolean(v->text[0] == 't');
	if (v->plain && looks_number(v->text)) {
		long long n;

		errno = 0;
		n = strtoll(v->text, &end, 10);
		if (*end == '\0' && errno == 0)
			return json_integer(n);
		decode_diagf(
			d, v,
			"only whole numbers of 64 bits can stand here; other text needs quotes");
		return NULL;
	}
	return json_string(v->text);
}

json_t *decode_json(struct decode *d, const struct ynode *v)
{
	json_t *out, *item;

	if (v->kind == YNODE_SCALAR)
		return scalar_json(d, v);
	out = v->kind == YNODE_MAP ? json_object() : json_array();
	for (size_t i = 0; out && i < v->len; i++) {
		int r;

		item = decode_json(d, v->items[i]);
		if (!item)
			continue; /* told; the diag list fails the file */
		r = v->kind == YNODE_MAP ? json_object_set_new(out, v->keys[i]->text, item)
					 : json_array_append_new(out, item);
		if (r < 0)
			d->diags->nomem = true;
	}
	if (!out)
		d->diags->nomem = true;
	return out;
}
