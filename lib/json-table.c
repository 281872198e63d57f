#include "json-table-internal.h"

#include <limits.h>
#include <string.h>

void *json_field_at(const void *s, const struct json_field *f)
{
	return (char *)s + f->offset;
}

void *json_slot_ptr(const void *slot)
{
	void *p;

	memcpy(&p, slot, sizeof(p)); /* a pointer of any type */
	return p;
}

static void store_ptr(void *slot, void *p)
{
	memcpy(slot, &p, sizeof(p));
}

int json_strings_add(struct json_strings *l, const char *s)
{
	char **items = reallocarray(l->items, l->len + 1, sizeof(*items));

	if (!items)
		return -ENOMEM;
	l->items = items;
	items[l->len] = strdup(s);
	if (!items[l->len])
		return -ENOMEM;
	l->len++;
	return 0;
}

int json_map_add(struct json_map *m, const char *key, const char *value)
{
	char **keys, **values;

	keys = reallocarray(m->keys, m->len + 1, sizeof(*keys));
	if (!keys)
		return -ENOMEM;
	m->keys = keys;
	values = reallocarray(m->values, m->len + 1, sizeof(*values));
	if (!values)
		return -ENOMEM;
	m->values = values;
	keys[m->len] = strdup(key);
	values[m->len] = strdup(value);
	if (!keys[m->len] || !values[m->len]) {
		free(keys[m->len]);
		free(values[m->len]);
		return -ENOMEM;
	}
	m->len++;
	return 0;
}

static void strings_done(struct json_strings *l)
{
	for (size_t i = 0; i < l->len; i++)
		free(l->items[i]);
	free(l->items);
}

static void map_done(struct json_map *m)
{
	for (size_t i = 0; i < m->len; i++) {
		free(m->keys[i]);
		free(m->values[i]);
	}
	free(m->keys);
	free(m->values);
}

static void list_done(const struct json_field *f, void *slot)
{
	struct list l;

	memcpy(&l, slot, sizeof(l));
	for (size_t i = 0; i < l.len; i++)
		json_table_done(f->fields, (char *)l.items + i * f->size);
	free(l.items);
}

static void field_done(const struct json_field *f, void *slot)
{
	switch (f->kind) {
	case JSON_KIND_STRING:
		free(json_slot_ptr(slot));
		break;
	case JSON_KIND_STRINGS:
		strings_done(slot);
		break;
	case JSON_KIND_MAP:
		map_done(slot);
		break;
	case JSON_KIND_OBJECT:
		json_table_done(f->fields, slot);
		break;
	case JSON_KIND_OBJECT_PTR:
		if (json_slot_ptr(slot))
			json_table_done(f->fields, json_slot_ptr(slot));
		free(json_slot_ptr(slot));
		break;
	case JSON_KIND_LIST:
		list_done(f, slot);
		break;
	case JSON_KIND_RAW:
		json_decref(json_slot_ptr(slot));
		break;
	default:
		break;
	}
}

static size_t field_size(const struct json_field *f)
{
	switch (f->kind) {
	case JSON_KIND_STRINGS:
		return sizeof(struct json_strings);
	case JSON_KIND_MAP:
		return sizeof(struct json_map);
	case JSON_KIND_LIST:
		return sizeof(struct list);
	case JSON_KIND_STRING:
	case JSON_KIND_OBJECT_PTR:
	case JSON_KIND_RAW:
		return sizeof(void *);
	default:
		return 0; /* owns nothing of its own */
	}
}

void json_table_done(const struct json_field *fields, void *s)
{
	for (const struct json_field *f = fields; f->key; f++) {
		field_done(f, json_field_at(s, f));
		memset(json_field_at(s, f), 0, field_size(f));
	}
}

int json_field_want(const struct json_field *f, const char *what, struct err *err)
{
	return err_setf(err, -EINVAL, "'%s' is not %s", f->key, what);
}

static int decode_text(const struct json_field *f, const json_t *v, char **ret, struct err *err)
{
	const char *s = json_string_value(v);
	char *copy;

	if (!s)
		return json_field_want(f, "a text", err);
	if (strlen(s) != json_string_length(v))
		return json_field_want(f, "a text without NUL", err);
	if (f->rule && !f->rule->ok(s))
		return json_field_want(f, f->rule->expects, err);
	copy = strdup(s);
	if (!copy)
		return err_nomem(err);
	*ret = copy;
	return 0;
}

static int decode_string(const struct json_field *f, const json_t *v, void *slot, struct err *err)
{
	char *s = NULL;
	int r = decode_text(f, v, &s, err);

	if (r < 0)
		return r;
	store_ptr(slot, s);
	return 0;
}

static int decode_number(const struct json_field *f, const json_t *v, void *slot, struct err *err)
{
	json_int_t n = json_integer_value(v);

	if (!json_is_integer(v))
		return json_field_want(f, "a whole number", err);
	if (f->kind == JSON_KIND_INT) {
		if (n < INT_MIN || n > INT_MAX)
			return json_field_want(f, "a number of 32 bits", err);
		*(int *)slot = (int)n;
		return 0;
	}
	if (n < 0)
		return json_field_want(f, "a number from 0", err);
	if (f->kind == JSON_KIND_U64) {
		*(uint64_t *)slot = (uint64_t)n;
		return 0;
	}
	if (n > UINT_MAX)
		return json_field_want(f, "a number of 32 bits", err);
	*(unsigned int *)slot = (unsigned int)n;
	return 0;
}

static int name_index(const char *const *names, const char *s)
{
	for (int i = 0; s && names[i]; i++)
		if (strcmp(names[i], s) == 0)
			return i;
	return -EINVAL;
}

static int decode_enum(const struct json_field *f, const json_t *v, void *slot, struct err *err)
{
	int i = name_index(f->names, json_string_value(v));

	if (i < 0)
		return json_field_want(f, "a known name", err);
	*(int *)slot = i;
	return 0;
}

static int decode_flags(const struct json_field *f, const json_t *v, void *slot, struct err *err)
{
	unsigned int bits = 0;
	size_t i;
	json_t *item;

	if (!json_is_array(v))
		return json_field_want(f, "a list", err);
	json_array_foreach (v, i, item) {
		int n = name_index(f->names, json_string_value(item));

		if (n < 0)
			return json_field_want(f, "a list of known names", err);
		bits |= 1U << n;
	}
	*(unsigned int *)slot = bits;
	return 0;
}

static int decode_strings(const struct json_field *f, const json_t *v, void *slot, struct err *err)
{
	size_t i;
	json_t *item;

	if (!json_is_array(v))
		return json_field_want(f, "a list", err);
	json_array_foreach (v, i, item) {
		cleanup_free char *s = NULL;
		int r = decode_text(f, item, &s, err);

		if (r < 0)
			return r;
		if (json_strings_add(slot, s) < 0)
			return err_nomem(err);
	}
	return 0;
}

static int decode_map(const struct json_field *f, json_t *v, void *slot, struct err *err)
{
	const char *key;
	json_t *item;

	if (!json_is_object(v))
		return json_field_want(f, "an object", err);
	json_object_foreach (v, key, item) {
		const char *s = json_string_value(item);

		if (!s || strlen(s) != json_string_length(item))
			return json_field_want(f, "an object of texts", err);
		if (json_map_add(slot, key, s) < 0)
			return err_nomem(err);
	}
	return 0;
}

static int decode_list(const struct json_field *f, const json_t *v, void *slot, struct err *err)
{
	struct list l = { 0 };
	size_t i;
	json_t *item;

	if (!json_is_array(v))
		return json_field_want(f, "a list", err);
	if (json_array_size(v) == 0)
		return 0;
	l.items = calloc(json_array_size(v), f->size);
	if (!l.items)
		return err_nomem(err);
	json_array_foreach (v, i, item) {
		int r = json_table_decode(f->fields, item, (char *)l.items + i * f->size, err);

		if (r < 0) {
			list_done(f, &l);
			return err_wrapf(err, r, "'%s' %zu", f->key, i + 1);
		}
		l.len++;
	}
	memcpy(slot, &l, sizeof(l));
	return 0;
}

static int decode_object_ptr(const struct json_field *f, const json_t *v, void *slot,
			     struct err *err)
{
	cleanup_free void *s = calloc(1, f->size);
	int r;

	if (!s)
		return err_nomem(err);
	r = json_table_decode(f->fields, v, s, err);
	if (r < 0)
		return err_wrapf(err, r, "'%s'", f->key);
	store_ptr(slot, TAKE_PTR(s));
	return 0;
}

static int decode_field(const struct json_field *f, json_t *v, void *slot, struct err *err)
{
	int r;

	switch (f->kind) {
	case JSON_KIND_STRING:
		return decode_string(f, v, slot, err);
	case JSON_KIND_U64:
	case JSON_KIND_UINT:
	case JSON_KIND_INT:
		return decode_number(f, v, slot, err);
	case JSON_KIND_BOOL:
		if (!json_is_boolean(v))
			return json_field_want(f, "true or false", err);
		*(bool *)slot = json_is_true(v);
		return 0;
	case JSON_KIND_ENUM:
		return decode_enum(f, v, slot, err);
	case JSON_KIND_FLAGS:
		return decode_flags(f, v, slot, err);
	case JSON_KIND_STRINGS:
		return decode_strings(f, v, slot, err);
	case JSON_KIND_MAP:
		return decode_map(f, v, slot, err);
	case JSON_KIND_OBJECT:
		r = json_table_decode(f->fields, v, slot, err);
		return r < 0 ? err_wrapf(err, r, "'%s'", f->key) : 0;
	case JSON_KIND_OBJECT_PTR:
		return decode_object_ptr(f, v, slot, err);
	case JSON_KIND_LIST:
		return decode_list(f, v, slot, err);
	case JSON_KIND_RAW:
		if (!json_is_object(v))
			return json_field_want(f, "an object", err);
		store_ptr(slot, json_incref(v));
		return 0;
	case JSON_KIND_END:
		break;
	}
	return err_setf(err, -EINVAL, "'%s' has no kind", f->key);
}

int json_table_decode(const struct json_field *fields, const json_t *obj, void *dst,
		      struct err *err)
{
	if (!json_is_object(obj))
		return err_setf(err, -EINVAL, "not an object");
	for (const struct json_field *f = fields; f->key; f++) {
		json_t *v = json_object_get(obj, f->key);
		int r = 0;

		if (!v && !(f->flags & (JSON_NULLABLE | JSON_OPTIONAL)))
			r = err_setf(err, -EINVAL, "missing key '%s'", f->key);
		else if (v && !(json_is_null(v) && (f->flags & JSON_NULLABLE)))
			r = decode_field(f, v, json_field_at(dst, f), err);
		if (r < 0) {
			json_table_done(fields, dst);
			return r;
		}
	}
	return 0;
}
