/* json-table-encode - structs as JSON; see json-table.h */
#include "json-table-internal.h"

#include "utf8.h"

#include <limits.h>
#include <string.h>

static int encode_text(const struct json_field *f, const char *s, json_t **ret, struct err *err)
{
	if (!s && !(f->flags & JSON_NULLABLE))
		return err_setf(err, -EINVAL, "'%s' is not set", f->key);
	if (s && f->rule && !f->rule->ok(s))
		return json_field_want(f, f->rule->expects, err);
	if (s && !utf8_is_valid(s))
		return json_field_want(f, "valid UTF-8", err);
	*ret = s ? json_string_nocheck(s) : json_null();
	return *ret ? 0 : err_nomem(err);
}

static int encode_enum(const struct json_field *f, int n, json_t **ret, struct err *err)
{
	for (int i = 0; f->names[i]; i++) {
		if (i != n)
			continue;
		*ret = json_string(f->names[i]);
		return *ret ? 0 : err_nomem(err);
	}
	return json_field_want(f, "a known value", err);
}

static int encode_items(const struct json_field *f, const void *slot, json_t *out, struct err *err)
{
	const struct json_strings *strings = slot;
	struct list l;

	memcpy(&l, slot, sizeof(l));
	for (size_t i = 0; f->kind != JSON_KIND_FLAGS && i < l.len; i++) {
		json_t *item = NULL;
		int r = f->kind == JSON_KIND_STRINGS
				? encode_text(f, strings->items[i], &item, err)
				: json_table_encode(f->fields, (char *)l.items + i * f->size, &item,
						    err);

		if (r < 0)
			return f->kind == JSON_KIND_STRINGS ? r : err_wrapf(err, r, "'%s'", f->key);
		if (json_array_append_new(out, item) < 0)
			return err_nomem(err);
	}
	return 0;
}

static int encode_flags(const struct json_field *f, unsigned int bits, json_t *out, struct err *err)
{
	for (int i = 0; f->names[i]; i++)
		if ((bits & (1U << i)) && json_array_append_new(out, json_string(f->names[i])) < 0)
			return err_nomem(err);
	return 0;
}

static int encode_array(const struct json_field *f, const void *slot, json_t **ret, struct err *err)
{
	json_t *out = json_array();
	int r;

	if (!out)
		return err_nomem(err);
	if (f->kind == JSON_KIND_FLAGS)
		r = encode_flags(f, *(const unsigned int *)slot, out, err);
	else
		r = encode_items(f, slot, out, err);
	if (r < 0) {
		json_decref(out);
		return r;
	}
	*ret = out;
	return 0;
}

static int encode_map(const struct json_field *f, const struct json_map *m, json_t **ret,
		      struct err *err)
{
	json_t *out = json_object();

	if (!out)
		return err_nomem(err);
	for (size_t i = 0; i < m->len; i++) {
		bool utf8 = utf8_is_valid(m->keys[i]) && utf8_is_valid(m->values[i]);

		if (utf8 && json_object_set_new_nocheck(out, m->keys[i],
							json_string_nocheck(m->values[i])) == 0)
			continue;
		json_decref(out);
		return utf8 ? err_nomem(err) : json_field_want(f, "valid UTF-8", err);
	}
	*ret = out;
	return 0;
}

static int encode_object(const struct json_field *f, const void *s, json_t **ret, struct err *err)
{
	int r;

	if (!s) {
		*ret = json_null();
		return 0;
	}
	r = json_table_encode(f->fields, s, ret, err);
	return r < 0 ? err_wrapf(err, r, "'%s'", f->key) : 0;
}

static int encode_field(const struct json_field *f, const void *slot, json_t **ret, struct err *err)
{
	switch (f->kind) {
	case JSON_KIND_STRING:
		return encode_text(f, json_slot_ptr(slot), ret, err);
	case JSON_KIND_U64:
		if (*(const uint64_t *)slot > INT64_MAX)
			return json_field_want(f, "a number below 2^63", err);
		*ret = json_integer((json_int_t) * (const uint64_t *)slot);
		break;
	case JSON_KIND_UINT:
		*ret = json_integer(*(const unsigned int *)slot);
		break;
	case JSON_KIND_INT:
		*ret = json_integer(*(const int *)slot);
		break;
	case JSON_KIND_BOOL:
		*ret = json_boolean(*(const bool *)slot);
		break;
	case JSON_KIND_ENUM:
		return encode_enum(f, *(const int *)slot, ret, err);
	case JSON_KIND_FLAGS:
	case JSON_KIND_STRINGS:
	case JSON_KIND_LIST:
		return encode_array(f, slot, ret, err);
	case JSON_KIND_MAP:
		return encode_map(f, slot, ret, err);
	case JSON_KIND_OBJECT:
		return encode_object(f, slot, ret, err);
	case JSON_KIND_OBJECT_PTR:
		return encode_object(f, json_slot_ptr(slot), ret, err);
	case JSON_KIND_RAW:
		*ret = json_slot_ptr(slot) ? json_incref(json_slot_ptr(slot)) : json_object();
		break;
	case JSON_KIND_END:
		break;
	}
	return *ret ? 0 : err_nomem(err);
}

/* A zero that JSON_OPTIONAL leaves out. */
static bool is_zero(const struct json_field *f, const void *slot)
{
	switch (f->kind) {
	case JSON_KIND_STRING:
	case JSON_KIND_RAW:
	case JSON_KIND_OBJECT_PTR:
		return !json_slot_ptr(slot);
	case JSON_KIND_U64:
		return *(const uint64_t *)slot == 0;
	case JSON_KIND_UINT:
	case JSON_KIND_INT:
		return *(const int *)slot == 0;
	case JSON_KIND_BOOL:
		return !*(const bool *)slot;
	default:
		return false;
	}
}

int json_table_encode(const struct json_field *fields, const void *src, json_t **ret,
		      struct err *err)
{
	json_t *obj = json_object();

	if (!obj)
		return err_nomem(err);
	for (const struct json_field *f = fields; f->key; f++) {
		json_t *v = NULL;
		int r;

		if ((f->flags & JSON_OPTIONAL) && is_zero(f, json_field_at(src, f)))
			continue;
		r = encode_field(f, json_field_at(src, f), &v, err);
		if (r >= 0 && json_object_set_new(obj, f->key, v) < 0)
			r = err_nomem(err);
		if (r < 0) {
			json_decref(obj);
			return r;
		}
	}
	*ret = obj;
	return 0;
}
