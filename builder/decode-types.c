/* decode-types - text, booleans, numbers, sizes, durations, words of a list, lists, maps */
#include "decode.h"
#include "parse.h"
#include "schema.h"

#include <string.h>

/* text */
static void text_decode(struct decode *d, const struct ynode *v, const struct field *f, void *dst)
{
	const struct text_rule *rule = f->arg;
	const char *s = decode_text(d, v, rule ? rule->what : "text");
	char shown[DIAG_VALUE_MAX];
	char **p = dst;

	if (!s)
		return;
	if (!rule && *s == '\0') {
		decode_diagf(d, v, "expected text, found nothing");
		return;
	}
	if (rule && !rule->valid(s)) {
		decode_diagf(d, v, "'%s' is not %s%s%s",
			     f->flags & FIELD_SECRET ? "<hidden>" : diag_value(s, shown),
			     rule->what, rule->hint ? "; " : "", rule->hint ? rule->hint : "");
		return;
	}
	free(*p);
	*p = decode_strdup(d, s);
}
static json_t *text_schema(const struct field *f)
{
	const struct text_rule *rule = f->arg;

	return rule && rule->pattern
		       ? json_pack("{s:s s:s}", "type", "string", "pattern", rule->pattern)
		       : json_pack("{s:s s:i}", "type", "string", "minLength", 1);
}
static json_t *text_json(const void *value)
{
	return json_string(*(char *const *)value);
}
static void text_done(void *value)
{
	free(*(char **)value);
	*(char **)value = NULL;
}
const struct field_type type_text = { text_decode, text_schema, "text", text_json, text_done };

/* bool */
static void bool_decode(struct decode *d, const struct ynode *v, const struct field *f, void *dst)
{
	const char *s = decode_scalar(d, v, "true or false");
	char shown[DIAG_VALUE_MAX];

	(void)f;
	if (!s)
		return;
	if ((v->plain || v->line == 0) && (strcmp(s, "true") == 0 || strcmp(s, "false") == 0))
		*(bool *)dst = s[0] == 't';
	else
		decode_diagf(d, v, "expected true or false, found %s'%s'",
			     v->plain ? "" : "the text ", diag_value(s, shown));
}
static json_t *bool_schema(const struct field *f)
{
	(void)f;
	return json_pack("{s:s}", "type", "boolean");
}
static json_t *bool_json(const void *value)
{
	return json_boolean(*(const bool *)value);
}
const struct field_type type_bool = { bool_decode, bool_schema, "boolean", bool_json, NULL };

/* uint */
static void uint_decode(struct decode *d, const struct ynode *v, const struct field *f, void *dst)
{
	const struct uint_rule *rule = f->arg;
	const char *s = decode_scalar(d, v, "a number");
	char shown[DIAG_VALUE_MAX];
	uint32_t n;
	int r;

	if (!s)
		return;
	r = v->plain || v->line == 0 ? u32_parse_between(s, rule->min, rule->max, &n) : -EINVAL;
	if (r < 0 && rule->min == rule->max)
		decode_diagf(d, v, "expected the number %u, found '%s'", rule->min,
			     diag_value(s, shown));
	else if (r == -ERANGE)
		decode_diagf(d, v, "%s is outside %u to %u", diag_value(s, shown), rule->min,
			     rule->max);
	else if (r < 0)
		decode_diagf(d, v, "expected a whole number from %u to %u, found %s'%s'", rule->min,
			     rule->max, v->plain ? "" : "the text ", diag_value(s, shown));
	else
		*(unsigned int *)dst = n;
}
static json_t *uint_schema(const struct field *f)
{
	const struct uint_rule *rule = f->arg;

	return json_pack("{s:s s:I s:I}", "type", "integer", "minimum", (json_int_t)rule->min,
			 "maximum", (json_int_t)rule->max);
}
static json_t *uint_json(const void *value)
{
	return json_integer(*(const unsigned int *)value);
}
const struct field_type type_uint = { uint_decode, uint_schema, "whole number", uint_json, NULL };

/* size */
static json_t *u64_json(const void *value)
{
	return json_integer((json_int_t) * (const uint64_t *)value);
}
static void size_decode(struct decode *d, const struct ynode *v, const struct field *f, void *dst)
{
	const struct u64_rule *rule = f->arg;
	const char *s = decode_scalar(d, v, "a size such as 64GiB");
	char shown[DIAG_VALUE_MAX], min[SIZE_TEXT_MAX], max[SIZE_TEXT_MAX];
	uint64_t n;
	int r;

	if (!s)
		return;
	r = size_parse(s, &n);
	if (r == -EINVAL && strspn(s, "0123456789") == strlen(s))
		decode_diagf(d, v, "the size %s has no unit; write %sGiB or %sMB",
			     diag_value(s, shown), shown, shown);
	else if (r == -EINVAL)
		decode_diagf(d, v, "'%s' is not a size such as 64GiB or 500GB",
			     diag_value(s, shown));
	else if (r < 0 || (rule && (n < rule->min || n > rule->max)))
		decode_diagf(d, v, "%s is outside %s to %s", diag_value(s, shown),
			     size_format(rule ? rule->min : 0, min),
			     size_format(rule ? rule->max : UINT64_MAX, max));
	else
		*(uint64_t *)dst = n;
}
static json_t *size_schema(const struct field *f)
{
	(void)f;
	return json_pack("{s:s s:s}", "type", "string", "pattern",
			 "^(0|[1-9][0-9]*)(B|[kKMGT]B|[KMGT]iB)$");
}
const struct field_type type_size = { size_decode, size_schema, "size", u64_json, NULL };

/* duration */
static void duration_decode(struct decode *d, const struct ynode *v, const struct field *f,
			    void *dst)
{
	const struct u64_rule *rule = f->arg;
	const char *s = decode_scalar(d, v, "a duration such as 15min");
	char shown[DIAG_VALUE_MAX], min[DURATION_TEXT_MAX], max[DURATION_TEXT_MAX];
	uint64_t n;
	int r;

	if (!s)
		return;
	r = duration_parse(s, &n);
	if (r == -EINVAL && strspn(s, "0123456789") == strlen(s))
		decode_diagf(d, v, "the duration %s has no unit; write %smin or %sh",
			     diag_value(s, shown), shown, shown);
	else if (r == -EINVAL)
		decode_diagf(d, v, "'%s' is not a duration such as 90s, 15min, 72h or 1h30min",
			     diag_value(s, shown));
	else if (r < 0 || (rule && (n < rule->min || n > rule->max)))
		decode_diagf(d, v, "%s is outside %s to %s", diag_value(s, shown),
			     duration_format(rule ? rule->min : 0, min),
			     duration_format(rule ? rule->max : UINT64_MAX, max));
	else
		*(uint64_t *)dst = n;
}
static json_t *duration_schema(const struct field *f)
{
	(void)f;
	return json_pack("{s:s s:s}", "type", "string", "pattern",
			 "^(?=.)([0-9]+d)?([0-9]+h)?([0-9]+min)?([0-9]+s)?$");
}
const struct field_type type_duration = { duration_decode, duration_schema, "duration", u64_json,
					  NULL };

/* enum */
static const struct enum_name *enum_find(struct decode *d, const struct ynode *v,
					 const struct enum_name *names)
{
	const char *s = decode_scalar(d, v, "a word"), *words[16], *near;
	char shown[DIAG_VALUE_MAX], all[512] = "";
	size_t n = 0, at = 0;

	if (!s)
		return NULL;
	for (const struct enum_name *e = names; e->name; e++)
		if (strcmp(e->name, s) == 0)
			return e;
	for (; n < ARRAY_SIZE(words) && names[n].name; n++) {
		words[n] = names[n].name;
		at += (size_t)snprintf(all + at, at < sizeof(all) ? sizeof(all) - at : 0, "%s%s",
				       n == 0		   ? ""
				       : names[n + 1].name ? ", "
							   : " or ",
				       words[n]);
	}
	near = nearest_word(s, words, n);
	if (near)
		decode_diagf(d, v, "'%s' is not known here; did you mean '%s'?",
			     diag_value(s, shown), near);
	else
		decode_diagf(d, v, "expected %s, found '%s'", all, diag_value(s, shown));
	return NULL;
}
static void enum_decode(struct decode *d, const struct ynode *v, const struct field *f, void *dst)
{
	const struct enum_name *e = enum_find(d, v, f->arg);

	if (e)
		*(int *)dst = e->value;
}
static json_t *enum_values(const struct enum_name *names)
{
	json_t *list = json_array();

	for (; names->name; names++)
		if (json_array_append_new(list, json_string(names->name)) < 0)
			break;
	return json_pack("{s:o}", "enum", list);
}
static json_t *enum_schema(const struct field *f)
{
	return enum_values(f->arg);
}
const struct field_type type_enum = { enum_decode, enum_schema, "one of", NULL, NULL };

/* flags: a list of words */
static void flags_decode(struct decode *d, const struct ynode *v, const struct field *f, void *dst)
{
	unsigned int bits = 0;

	if (v->kind != YNODE_SEQ) {
		decode_diagf(d, v, "expected a list, found %s", ynode_what(v));
		return;
	}
	for (size_t i = 0; i < v->len; i++) {
		const struct enum_name *e = enum_find(d, v->items[i], f->arg);

		if (e && bits & (unsigned int)e->value)
			decode_diagf(d, v->items[i], "'%s' stands twice in the list", e->name);
		else if (e)
			bits |= (unsigned int)e->value;
	}
	*(unsigned int *)dst = bits;
}
static json_t *flags_schema(const struct field *f)
{
	return json_pack("{s:s s:b s:o}", "type", "array", "uniqueItems", 1, "items",
			 enum_values(f->arg));
}
const struct field_type type_flags = { flags_decode, flags_schema, "list of words", NULL, NULL };

/* map: a table of the same base */
static void map_decode(struct decode *d, const struct ynode *v, const struct field *f, void *dst)
{
	decode_map(d, v, f->arg, dst);
}
static json_t *map_schema(const struct field *f)
{
	return schema_object(f->arg);
}
const struct field_type type_map = { map_decode, map_schema, "mapping", NULL, NULL };

/* strings */
void string_list_done(struct string_list *l)
{
	for (size_t i = 0; i < l->len; i++)
		free(l->items[i]);
	free(l->items);
	free(l->pos);
	*l = (struct string_list){ 0 };
}
static void strings_decode(struct decode *d, const struct ynode *v, const struct field *f,
			   void *dst)
{
	struct string_list *l = dst;
	struct field item = { .type = &type_text, .arg = f->arg, .flags = f->flags };
	char shown[DIAG_VALUE_MAX];

	if (v->kind != YNODE_SEQ) {
		decode_diagf(d, v, "expected a list, found %s", ynode_what(v));
		return;
	}
	if (v->len == 0 && f->flags & FIELD_NONEMPTY)
		decode_diagf(d, v, "the list is empty; it holds at least one item");
	string_list_done(l);
	l->items = decode_calloc(d, v->len, sizeof(*l->items));
	l->pos = decode_calloc(d, v->len, sizeof(*l->pos));
	for (size_t i = 0; l->items && l->pos && i < v->len; i++) {
		text_decode(d, v->items[i], &item, &l->items[l->len]);
		if (!l->items[l->len])
			continue;
		l->pos[l->len] = ynode_pos(v->items[i]);
		for (size_t k = 0; !(f->flags & FIELD_REPEATS) && k < l->len; k++)
			if (strcmp(l->items[k], l->items[l->len]) == 0)
				decode_diagf(d, v->items[i], "'%s' stands twice in the list",
					     diag_value(l->items[k], shown));
		l->len++;
	}
}
static json_t *strings_schema(const struct field *f)
{
	return json_pack("{s:s s:b s:i s:o}", "type", "array", "uniqueItems",
			 !(f->flags & FIELD_REPEATS), "minItems", !!(f->flags & FIELD_NONEMPTY),
			 "items", text_schema(f));
}
static void strings_done(void *value)
{
	string_list_done(value);
}
const struct field_type type_strings = { strings_decode, strings_schema, "list of text", NULL,
					 strings_done };

/* string_map: labels */
void string_map_done(struct string_map *m)
{
	for (size_t i = 0; i < m->len; i++) {
		free(m->keys[i]);
		free(m->values[i]);
	}
	free(m->keys);
	free(m->values);
	free(m->pos);
	*m = (struct string_map){ 0 };
}
static void string_map_insert(struct string_map *m, char *key, char *value, struct pos pos)
{
	size_t at = m->len++;

	for (; at > 0 && strcmp(m->keys[at - 1], key) > 0; at--) {
		m->keys[at] = m->keys[at - 1];
		m->values[at] = m->values[at - 1];
		m->pos[at] = m->pos[at - 1];
	}
	m->keys[at] = key;
	m->values[at] = value;
	m->pos[at] = pos;
}
static void string_map_decode(struct decode *d, const struct ynode *v, const struct field *f,
			      void *dst)
{
	struct string_map *m = dst;

	(void)f;
	if (v->kind != YNODE_MAP) {
		decode_diagf(d, v, "expected a mapping, found %s", ynode_what(v));
		return;
	}
	m->keys = decode_calloc(d, v->len, sizeof(*m->keys));
	m->values = decode_calloc(d, v->len, sizeof(*m->values));
	m->pos = decode_calloc(d, v->len, sizeof(*m->pos));
	for (size_t i = 0; m->keys && m->values && m->pos && i < v->len; i++) {
		const char *s = decode_text(d, v->items[i], "text");
		char *key, *value;
		bool again = false;

		for (size_t k = 0; k < m->len; k++)
			again |= strcmp(m->keys[k], v->keys[i]->text) == 0;
		if (!s || again)
			continue;
		key = decode_strdup(d, v->keys[i]->text);
		value = decode_strdup(d, s);
		if (!key || !value) {
			free(key);
			free(value);
			return;
		}
		string_map_insert(m, key, value, ynode_pos(v->keys[i]));
	}
}
static json_t *string_map_schema(const struct field *f)
{
	(void)f;
	return json_pack("{s:s s:{s:s}}", "type", "object", "additionalProperties", "type",
			 "string");
}
static void string_map_free(void *value)
{
	string_map_done(value);
}
const struct field_type type_string_map = { string_map_decode, string_map_schema, "mapping of text",
					    NULL, string_map_free };
