#include "json.h"

#include "parse.h"

#include <string.h>

int js_read(const char *text, size_t len, json_t **ret, struct err *err)
{
	json_error_t why = { 0 }; /* without memory jansson leaves it as it is */
	json_t *j = json_loadb(text, len, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &why);

	if (!j) {
		if (json_error_code(&why) == json_error_out_of_memory || !why.text[0])
			return err_nomem(err);
		return err_setf(err, -EINVAL, "not JSON: line %d, column %d: %s", why.line,
				why.column, why.text);
	}
	*ret = j;
	return 0;
}

/* One step of a path; *path moves behind it. */
static json_t *step(const json_t *j, const char **path)
{
	const char *p = *path;
	char key[256];
	size_t len;

	if (*p == '[') {
		uint32_t place;

		len = strcspn(++p, "]");
		if (p[len] != ']' || len >= sizeof(key))
			return NULL;
		(void)snprintf(key, sizeof(key), "%.*s", (int)len, p);
		if (u32_parse(key, &place) < 0)
			return NULL;
		*path = p + len + 1;
		return json_array_get(j, place);
	}
	if (*p == '.')
		p++;
	len = strcspn(p, ".[");
	if (len == 0 || len >= sizeof(key))
		return NULL;
	(void)snprintf(key, sizeof(key), "%.*s", (int)len, p);
	*path = p + len;
	return json_object_get(j, key);
}

json_t *js_at(const json_t *root, const char *path)
{
	json_t *j =
		(json_t *)(uintptr_t)root; /* jansson hands out values of const objects likewise */

	while (j && *path)
		j = step(j, &path);
	return j;
}

const char *js_text(const json_t *root, const char *path)
{
	const char *s = json_string_value(js_at(root, path));

	return s ? s : "";
}

const json_t *js_find(const json_t *list, const char *path, const char *text)
{
	const json_t *item;
	size_t i;

	json_array_foreach (list, i, item)
		if (strcmp(js_text(item, path), text) == 0)
			return item;
	return NULL;
}

static const char *type_name(const json_t *j)
{
	switch (json_typeof(j)) {
	case JSON_OBJECT:
		return "an object";
	case JSON_ARRAY:
		return "a list";
	case JSON_STRING:
		return "a string";
	case JSON_INTEGER:
	case JSON_REAL:
		return "a number";
	case JSON_NULL:
		return "null";
	default:
		return "a boolean";
	}
}

/* The value: 1 with *ret set, 0 when it is absent or null and may be, or an error. */
static int find(const json_t *root, const char *path, bool optional, json_t **ret, struct err *err)
{
	json_t *j = js_at(root, path);

	if (!j || json_is_null(j)) {
		if (optional)
			return 0;
		return err_setf(err, -EINVAL, "'%s' is %s", path, j ? "null" : "missing");
	}
	*ret = j;
	return 1;
}

static int wrong(const char *path, const char *want, const json_t *have, struct err *err)
{
	return err_setf(err, -EINVAL, "'%s' must be %s, not %s", path, want, type_name(have));
}

static int get_str(const json_t *root, const char *path, bool opt, const char **ret,
		   struct err *err)
{
	json_t *j;
	int r = find(root, path, opt, &j, err);

	if (r <= 0)
		return r;
	if (!json_is_string(j))
		return wrong(path, "a string", j, err);
	*ret = json_string_value(j);
	return 1;
}

static int get_i64(const json_t *root, const char *path, bool opt, int64_t *ret, struct err *err)
{
	json_t *j;
	int r = find(root, path, opt, &j, err);

	if (r <= 0)
		return r;
	if (!json_is_integer(j))
		return wrong(path, "a whole number", j, err);
	*ret = json_integer_value(j);
	return 1;
}

/* JSON integers end at 2^63 here (jansson), which is enough for bytes and seconds. */
static int get_u64(const json_t *root, const char *path, bool opt, uint64_t max, uint64_t *ret,
		   struct err *err)
{
	int64_t n;
	int r = get_i64(root, path, opt, &n, err);

	if (r <= 0)
		return r;
	if (n < 0 || (uint64_t)n > max)
		return err_setf(err, -EINVAL, "'%s' is out of range: %lld", path, (long long)n);
	*ret = (uint64_t)n;
	return 1;
}

static int get_u32(const json_t *root, const char *path, bool opt, uint32_t *ret, struct err *err)
{
	uint64_t n = 0;
	int r = get_u64(root, path, opt, UINT32_MAX, &n, err);

	if (r > 0)
		*ret = (uint32_t)n;
	return r;
}

static int get_bool(const json_t *root, const char *path, bool opt, bool *ret, struct err *err)
{
	json_t *j;
	int r = find(root, path, opt, &j, err);

	if (r <= 0)
		return r;
	if (!json_is_boolean(j))
		return wrong(path, "true or false", j, err);
	*ret = json_is_true(j);
	return 1;
}

static int get_obj(const json_t *root, const char *path, bool opt, json_t **ret, struct err *err)
{
	json_t *j;
	int r = find(root, path, opt, &j, err);

	if (r <= 0)
		return r;
	if (!json_is_object(j))
		return wrong(path, "an object", j, err);
	*ret = j;
	return 1;
}

static int get_arr(const json_t *root, const char *path, bool opt, json_t **ret, struct err *err)
{
	json_t *j;
	int r = find(root, path, opt, &j, err);

	if (r <= 0)
		return r;
	if (!json_is_array(j))
		return wrong(path, "a list", j, err);
	*ret = j;
	return 1;
}

int jget_str(const json_t *root, const char *path, const char **ret, struct err *err)
{
	int r = get_str(root, path, false, ret, err);

	return r < 0 ? r : 0;
}

int jget_u64(const json_t *root, const char *path, uint64_t *ret, struct err *err)
{
	int r = get_u64(root, path, false, UINT64_MAX, ret, err);

	return r < 0 ? r : 0;
}

int jget_u32(const json_t *root, const char *path, uint32_t *ret, struct err *err)
{
	int r = get_u32(root, path, false, ret, err);

	return r < 0 ? r : 0;
}

int jget_i64(const json_t *root, const char *path, int64_t *ret, struct err *err)
{
	int r = get_i64(root, path, false, ret, err);

	return r < 0 ? r : 0;
}

int jget_bool(const json_t *root, const char *path, bool *ret, struct err *err)
{
	int r = get_bool(root, path, false, ret, err);

	return r < 0 ? r : 0;
}

int jget_obj(const json_t *root, const char *path, json_t **ret, struct err *err)
{
	int r = get_obj(root, path, false, ret, err);

	return r < 0 ? r : 0;
}

int jget_arr(const json_t *root, const char *path, json_t **ret, struct err *err)
{
	int r = get_arr(root, path, false, ret, err);

	return r < 0 ? r : 0;
}

int jget_str_opt(const json_t *root, const char *path, const char **ret, struct err *err)
{
	return get_str(root, path, true, ret, err);
}

int jget_u64_opt(const json_t *root, const char *path, uint64_t *ret, struct err *err)
{
	return get_u64(root, path, true, UINT64_MAX, ret, err);
}

int jget_u32_opt(const json_t *root, const char *path, uint32_t *ret, struct err *err)
{
	return get_u32(root, path, true, ret, err);
}

int jget_i64_opt(const json_t *root, const char *path, int64_t *ret, struct err *err)
{
	return get_i64(root, path, true, ret, err);
}

int jget_bool_opt(const json_t *root, const char *path, bool *ret, struct err *err)
{
	return get_bool(root, path, true, ret, err);
}

int jget_obj_opt(const json_t *root, const char *path, json_t **ret, struct err *err)
{
	return get_obj(root, path, true, ret, err);
}

int jget_arr_opt(const json_t *root, const char *path, json_t **ret, struct err *err)
{
	return get_arr(root, path, true, ret, err);
}

static int add_to_buf(const char *data, size_t len, void *dst)
{
	return buf_add(dst, data, len) < 0 ? -1 : 0;
}

static int dump(const json_t *j, size_t flags, struct buf *dst)
{
	int r = buf_error(dst);

	if (r < 0)
		return r;
	if (json_dump_callback(j, add_to_buf, dst, flags | JSON_ENCODE_ANY) < 0)
		return buf_error(dst) < 0 ? buf_error(dst) : -EINVAL;
	return 0;
}

int js_canonical(const json_t *j, struct buf *dst)
{
	return dump(j, JSON_COMPACT | JSON_SORT_KEYS, dst);
}

int js_pretty(const json_t *j, struct buf *dst)
{
	int r = dump(j, JSON_INDENT(2) | JSON_PRESERVE_ORDER, dst);

	return r < 0 ? r : buf_addc(dst, '\n');
}
