/* decode-clock - the time of a day and the days of a week */
#include "decode.h"

#include <ctype.h>
#include <string.h>

static void clock_decode(struct decode *d, const struct ynode *v, const struct field *f, void *dst)
{
	const char *s = decode_scalar(d, v, "a time such as \"09:20\"");
	char shown[DIAG_VALUE_MAX];
	unsigned int h, m;

	(void)f;
	if (!s)
		return;
	if (strlen(s) != 5 || s[2] != ':' || !isdigit((unsigned char)s[0]) ||
	    !isdigit((unsigned char)s[1]) || !isdigit((unsigned char)s[3]) ||
	    !isdigit((unsigned char)s[4])) {
		decode_diagf(d, v, "'%s' is not a time such as \"09:20\"", diag_value(s, shown));
		return;
	}
	h = (unsigned int)(s[0] - '0') * 10 + (unsigned int)(s[1] - '0');
	m = (unsigned int)(s[3] - '0') * 10 + (unsigned int)(s[4] - '0');
	if (h > 23 || m > 59)
		decode_diagf(d, v, "'%s' is no time of a day; the last one is \"23:59\"", s);
	else
		*(unsigned int *)dst = h * 60 + m;
}
static json_t *clock_schema(const struct field *f)
{
	(void)f;
	return json_pack("{s:s s:s}", "type", "string", "pattern",
			 "^([01][0-9]|2[0-3]):[0-5][0-9]$");
}
const struct field_type type_clock = { clock_decode, clock_schema, "time of day", NULL, NULL };

static const struct enum_name day_names[] = {
	{ "mon", 1 << 0 }, { "tue", 1 << 1 }, { "wed", 1 << 2 }, { "thu", 1 << 3 },
	{ "fri", 1 << 4 }, { "sat", 1 << 5 }, { "sun", 1 << 6 }, { 0 },
};
static const struct enum_name day_sets[] = {
	{ "daily", 0x7f },
	{ "weekdays", 0x1f },
	{ "weekends", 0x60 },
	{ 0 },
};

static void days_decode(struct decode *d, const struct ynode *v, const struct field *f, void *dst)
{
	const struct field days = { .arg = day_names };
	const char *s;
	char shown[DIAG_VALUE_MAX];

	(void)f;
	if (v->kind == YNODE_SEQ && v->len > 0) {
		type_flags.decode(d, v, &days, dst);
		return;
	}
	if (v->kind == YNODE_SEQ) {
		decode_diagf(d, v,
			     "the list is empty; give daily, weekdays, weekends or a list of mon "
			     "to sun");
		return;
	}
	s = decode_scalar(d, v, "daily, weekdays, weekends or a list of mon to sun");
	for (const struct enum_name *e = day_sets; s && e->name; e++) {
		if (strcmp(e->name, s) == 0) {
			*(unsigned int *)dst = (unsigned int)e->value;
			return;
		}
	}
	if (s)
		decode_diagf(
			d, v,
			"expected daily, weekdays, weekends or a list of mon to sun, found '%s'",
			diag_value(s, shown));
}
static json_t *days_schema(const struct field *f)
{
	const struct field days = { .arg = day_names };
	json_t *list = type_flags.schema(&days);

	(void)f;
	if (list && json_object_set_new(list, "minItems", json_integer(1)) < 0) {
		json_decref(list);
		return NULL;
	}
	return json_pack("{s:[o, {s:[s s s]}]}", "oneOf", list, "enum", "daily", "weekdays",
			 "weekends");
}
const struct field_type type_days = { days_decode, days_schema, "days", NULL, NULL };
