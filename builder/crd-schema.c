#include "crd-schema.h"

#include <inttypes.h>
#include <stdlib.h>
#include <stdarg.h>
#include <string.h>

#define PATH_MAX_BYTES 512

struct check {
	const struct schema_report *report; /* NULL: only whether it fits */
	char path[PATH_MAX_BYTES];
	size_t len;
	size_t mistakes;
	int r;
};

static void PRINTF_LIKE(3, 4) bad(struct check *k, const struct kval *at, const char *fmt, ...)
{
	char text[400];
	va_list ap;

	k->mistakes++;
	if (!k->report || k->r < 0)
		return;
	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	k->r = k->report->fn(k->report->arg, at, k->path, text);
}

static void check_value(struct check *k, const struct kval *schema, const struct kval *v,
			bool root);

static void check_at(struct check *k, const struct kval *schema, const struct kval *v,
		     const char *key)
{
	size_t old = k->len;
	int n = snprintf(k->path + old, sizeof(k->path) - old, "%s%s", old > 0 ? "." : "", key);

	k->len = n > 0 && old + (size_t)n < sizeof(k->path) ? old + (size_t)n : old;
	check_value(k, schema, v, false);
	k->len = old;
	k->path[old] = '\0';
}

static const char *type_of(const struct kval *v)
{
	static const char *const names[] = { "null",   "boolean", "integer", "number",
					     "string", "array",	  "object" };

	return names[v->type];
}

static bool type_fits(const char *want, const struct kval *v)
{
	const char *have = type_of(v);

	if (strcmp(want, "number") == 0)
		return v->type == KVAL_INT || v->type == KVAL_FLOAT;
	if (strcmp(want, "integer") == 0 && v->type == KVAL_FLOAT)
		return !strpbrk(v->text, ".eE-"); /* 1e3 of YAML is the whole number 1000 */
	return strcmp(want, have) == 0;
}

static bool is_implicit(const char *key)
{
	return strcmp(key, "apiVersion") == 0 || strcmp(key, "kind") == 0 ||
	       strcmp(key, "metadata") == 0;
}

static void check_required(struct check *k, const struct kval *schema, const struct kval *v)
{
	const struct kval *properties = kval_get(schema, "properties"),
			  *required = kval_get(schema, "required");

	for (size_t i = 0; kval_is(required, KVAL_LIST) && i < required->items_len; i++) {
		const char *name = kval_str(required->items[i]);
		const struct kval *have = name ? kval_get(v, name) : NULL;

		if (name && !have && !kval_get(kval_get(properties, name), "default"))
			bad(k, v, "required field '%s' is missing", name);
	}
}

static void check_object(struct check *k, const struct kval *schema, const struct kval *v,
			 bool root)
{
	const struct kval *properties = kval_get(schema, "properties");
	const struct kval *more = kval_get(schema, "additionalProperties");
	bool open = kval_true(kval_get(schema, "x-kubernetes-preserve-unknown-fields")) ||
		    kval_true(more);
	bool embedded = root || kval_true(kval_get(schema, "x-kubernetes-embedded-resource"));
	/* below allOf and kin there are only conditions, no new fields */
	bool structural = kval_get(schema, "type") != NULL;

	for (size_t i = 0; i < v->pairs_len; i++) {
		const struct kval_pair *p = &v->pairs[i];
		const struct kval *s = kval_get(properties, p->key->text);

		if (embedded && is_implicit(p->key->text))
			continue;
		if (s)
			check_at(k, s, p->value, p->key->text);
		else if (kval_is(more, KVAL_MAP))
			check_at(k, more, p->value, p->key->text);
		else if (!open && structural)
			bad(k, p->key, "unknown field '%s'", p->key->text);
	}
	check_required(k, schema, v);
}

static void check_count(struct check *k, const struct kval *schema, const struct kval *v,
			const char *min_key, const char *max_key, size_t n, const char *of)
{
	int64_t min, max;

	if (kval_to_i64(kval_get(schema, min_key), &min) && (int64_t)n < min)
		bad(k, v, "%zu %s, at least %" PRId64 " needed", n, of, min);
	if (kval_to_i64(kval_get(schema, max_key), &max) && (int64_t)n > max)
		bad(k, v, "%zu %s, at most %" PRId64 " allowed", n, of, max);
}

static void check_array(struct check *k, const struct kval *schema, const struct kval *v)
{
	const struct kval *items = kval_get(schema, "items");
	char index[24];

	check_count(k, schema, v, "minItems", "maxItems", v->items_len, "items");
	for (size_t i = 0; items && i < v->items_len; i++) {
		(void)snprintf(index, sizeof(index), "%zu", i);
		check_at(k, items, v->items[i], index);
	}
}

static size_t characters(const struct kval *v)
{
	size_t n = 0;

	for (size_t i = 0; i < v->text_len; i++)
		n += ((unsigned char)v->text[i] & 0xc0) != 0x80;
	return n;
}

static void check_number(struct check *k, const struct kval *schema, const struct kval *v)
{
	const struct kval *min = kval_get(schema, "minimum"), *max = kval_get(schema, "maximum");
	double n = strtod(v->text, NULL); /* canonical JSON text, made by us */

	if (min && n < strtod(min->text, NULL))
		bad(k, v, "%s is below the minimum %s", v->text, min->text);
	if (max && n > strtod(max->text, NULL))
		bad(k, v, "%s is above the maximum %s", v->text, max->text);
}

static void check_enum(struct check *k, const struct kval *list, const struct kval *v)
{
	char words[300];
	size_t len = 0;

	for (size_t i = 0; i < list->items_len; i++)
		if (kval_equal(list->items[i], v))
			return;
	words[0] = '\0';
	for (size_t i = 0; i < list->items_len && len < sizeof(words) - 60; i++)
		len += (size_t)snprintf(words + len, sizeof(words) - len, "%s%.50s", i ? ", " : "",
					kval_str(list->items[i])
						?: list->items[i]->type == KVAL_INT
						   ? list->items[i]->text
						   : "?");
	bad(k, v, "'%.100s' is none of: %s",
	    v->type >= KVAL_INT && v->type <= KVAL_STRING ? v->text : type_of(v), words);
}

/* How many of the schemas in a list fit. */
static size_t fitting(const struct kval *list, const struct kval *v)
{
	size_t n = 0;

	for (size_t i = 0; i < list->items_len; i++) {
		struct check k = { 0 };

		check_value(&k, list->items[i], v, false);
		n += k.mistakes == 0;
	}
	return n;
}

static void check_combined(struct check *k, const struct kval *schema, const struct kval *v)
{
	const struct kval *all = kval_get(schema, "allOf"), *any = kval_get(schema, "anyOf");
	const struct kval *one = kval_get(schema, "oneOf"), *no = kval_get(schema, "not");

	for (size_t i = 0; kval_is(all, KVAL_LIST) && i < all->items_len; i++)
		check_value(k, all->items[i], v, false);
	if (kval_is(any, KVAL_LIST) && fitting(any, v) == 0)
		bad(k, v, "fits none of the forms that are allowed here (anyOf)");
	if (kval_is(one, KVAL_LIST) && fitting(one, v) != 1)
		bad(k, v,
		    "must fit exactly one of the forms that are allowed here (oneOf), not %zu",
		    fitting(one, v));
	if (kval_is(no, KVAL_MAP)) {
		struct check inner = { 0 };

		check_value(&inner, no, v, false);
		if (inner.mistakes == 0)
			bad(k, v, "has a form that is not allowed here (not)");
	}
}

/* What the schema says of a value of that type. */
static void check_limits(struct check *k, const struct kval *schema, const struct kval *v,
			 bool root)
{
	if (v->type == KVAL_MAP) {
		check_count(k, schema, v, "minProperties", "maxProperties", v->pairs_len, "fields");
		check_object(k, schema, v, root);
	} else if (v->type == KVAL_LIST) {
		check_array(k, schema, v);
	} else if (v->type == KVAL_STRING) {
		check_count(k, schema, v, "minLength", "maxLength", characters(v), "characters");
	} else if (v->type != KVAL_BOOL) {
		check_number(k, schema, v);
	}
}

static void check_value(struct check *k, const struct kval *schema, const struct kval *v, bool root)
{
	const char *type = kval_path_str(schema, "type");
	const struct kval *words = kval_get(schema, "enum");

	if (k->r < 0)
		return;
	if (v->type == KVAL_NULL) {
		/* the API server drops a null that has a default, and takes one that may be */
		if (type && !kval_true(kval_get(schema, "nullable")) &&
		    !kval_get(schema, "default"))
			bad(k, v, "null, not %s", type);
		return;
	}
	if (kval_true(kval_get(schema, "x-kubernetes-int-or-string"))) {
		if (v->type != KVAL_INT && v->type != KVAL_STRING)
			bad(k, v, "%s, neither integer nor string", type_of(v));
	} else if (type && !type_fits(type, v)) {
		bad(k, v, "%s, not %s", type_of(v), type);
		return;
	}
	if (kval_is(words, KVAL_LIST))
		check_enum(k, words, v);
	check_limits(k, schema, v, root);
	check_combined(k, schema, v);
}

int crd_schema_check(const struct kval *schema, const struct kval *object,
		     const struct schema_report *report)
{
	struct check k = { .report = report };

	check_value(&k, schema, object, true);
	return k.r;
}
