#include "kval-json.h"

#include "yaml-float.h"

#include <string.h>

static struct kval *from_object(struct kval_pool *p, const json_t *j)
{
	struct kval *v = kval_new(p, KVAL_MAP);
	const char *key;
	json_t *item;

	json_object_foreach ((json_t *)j, key, item)
		if (!v || kval_set(p, v, key, kval_from_json(p, item)) < 0)
			return NULL;
	return v;
}

static struct kval *from_array(struct kval_pool *p, const json_t *j)
{
	struct kval *v = kval_new(p, KVAL_LIST);
	const json_t *item;
	size_t i;

	json_array_foreach (j, i, item)
		if (!v || kval_append(p, v, kval_from_json(p, item)) < 0)
			return NULL;
	return v;
}

struct kval *kval_from_json(struct kval_pool *p, const json_t *j)
{
	char text[YAML_FLOAT_MAX];

	switch (json_typeof(j)) {
	case JSON_OBJECT:
		return from_object(p, j);
	case JSON_ARRAY:
		return from_array(p, j);
	case JSON_STRING:
		return kval_new_text(p, KVAL_STRING, json_string_value(j), json_string_length(j));
	case JSON_INTEGER:
		return kval_new_int(p, json_integer_value(j));
	case JSON_REAL:
		yaml_float_format(json_real_value(j), text);
		return kval_new_text(p, KVAL_FLOAT, text, strlen(text));
	case JSON_TRUE:
	case JSON_FALSE:
		return kval_new_bool(p, json_is_true(j));
	default:
		return kval_new(p, KVAL_NULL);
	}
}

static json_t *to_object(const struct kval *v)
{
	json_t *j = json_object();

	for (size_t i = 0; j && i < v->pairs_len; i++) {
		if (json_object_set_new(j, v->pairs[i].key->text, kval_to_json(v->pairs[i].value)) <
		    0) {
			json_decref(j);
			return NULL;
		}
	}
	return j;
}

static json_t *to_array(const struct kval *v)
{
	json_t *j = json_array();

	for (size_t i = 0; j && i < v->items_len; i++) {
		if (json_array_append_new(j, kval_to_json(v->items[i])) < 0) {
			json_decref(j);
			return NULL;
		}
	}
	return j;
}

json_t *kval_to_json(const struct kval *v)
{
	int64_t n;

	switch (v->type) {
	case KVAL_NULL:
		return json_null();
	case KVAL_BOOL:
		return json_boolean(v->boolean);
	case KVAL_INT:
		return kval_to_i64(v, &n) ? json_integer(n) : NULL;
	case KVAL_FLOAT:
		return json_real(strtod(v->text, NULL));
	case KVAL_STRING:
		return json_stringn(v->text, v->text_len);
	case KVAL_LIST:
		return to_array(v);
	case KVAL_MAP:
		return to_object(v);
	}
	return NULL;
}
