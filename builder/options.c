#include "options.h"

#include "commands.h"
#include "decode.h"
#include "parse.h"

#include <stdbool.h>
#include <string.h>

#define OPTIONS_MAX 32

static bool is_operand(const struct option_row *row)
{
	return row->kind == OPTION_OPERAND || row->kind == OPTION_OPERANDS;
}

static bool has_value(const struct option_row *row)
{
	return row->kind != OPTION_FLAG && row->kind != OPTION_BIT;
}

static int unknown(const struct option_row *rows, const char *option, size_t len, struct err *err)
{
	cleanup_free char *name = strndup(option, len);
	const char *names[OPTIONS_MAX], *near;
	size_t n = 0;

	if (!name)
		return err_nomem(err);
	for (; rows->name && n < OPTIONS_MAX; rows++)
		if (!is_operand(rows))
			names[n++] = rows->name;
	near = name[0] == '-' && name[1] == '-' ? nearest_word(name, names, n) : NULL;
	return err_setf(err, CMD_USAGE, "unknown option '%s'%s%s%s", name,
			near ? ", did you mean '" : "", near ?: "", near ? "'?" : "");
}

static int take_time(const char *option, const char *value, uint64_t *ret, struct err *err)
{
	if (duration_parse(value, ret) < 0)
		return err_setf(err, CMD_USAGE,
				"%s wants a duration such as 20min or 30d, not '%s'", option,
				value);
	return 0;
}

static int take_value(const struct option_row *row, const char *value, void *args, struct err *err)
{
	void *to = (char *)args + row->offset;

	switch (row->kind) {
	case OPTION_FLAG:
		*(bool *)to = true;
		return 0;
	case OPTION_BIT:
		*(unsigned int *)to |= row->bit;
		return 0;
	case OPTION_TIME:
		return take_time(row->name, value, to, err);
	case OPTION_CALL:
	case OPTION_OPERANDS:
		return row->take(args, value, err);
	case OPTION_OPERAND:
		if (*(const char **)to)
			return err_setf(err, CMD_USAGE,
					"one %s at a time: '%s' and '%s' were given", row->name,
					*(const char **)to, value);
		break;
	case OPTION_TEXT:
		break;
	}
	*(const char **)to = value;
	return 0;
}

/* The operands' rows in their order: the first that has none yet, else the last. */
static int take_operand(const struct option_row *rows, const char *value, void *args,
			struct err *err)
{
	const struct option_row *last = NULL;

	for (; rows->name; rows++) {
		if (!is_operand(rows))
			continue;
		last = rows;
		if (rows->kind == OPTION_OPERANDS || !*(const char **)((char *)args + rows->offset))
			break;
	}
	if (!last)
		return err_setf(err, CMD_USAGE, "takes no argument '%s'", value);
	return take_value(last, value, args, err);
}

/* *@i is at the option; afterwards at the last argument that was used. */
static int take_option(const struct option_row *rows, int argc, char **argv, int *i, void *args,
		       struct err *err)
{
	const char *s = argv[*i], *eq = s[1] == '-' ? strchr(s, '=') : NULL;
	size_t len = eq ? (size_t)(eq - s) : strlen(s);
	const struct option_row *row = rows;

	while (row->name &&
	       (is_operand(row) || strlen(row->name) != len || strncmp(row->name, s, len) != 0))
		row++;
	if (!row->name)
		return unknown(rows, s, len, err);
	if (!has_value(row))
		return eq ? err_setf(err, CMD_USAGE, "option '%s' takes no value", row->name)
			  : take_value(row, NULL, args, err);
	if (eq)
		return take_value(row, eq + 1, args, err);
	if (*i + 1 >= argc)
		return err_setf(err, CMD_USAGE, "no value for option '%s'", s);
	return take_value(row, argv[++*i], args, err);
}

int options_parse(const struct option_row *rows, int argc, char **argv, void *args, struct err *err)
{
	bool options = true;

	for (int i = 1; i < argc; i++) {
		const char *s = argv[i];
		int r = 0;

		if (options && strcmp(s, "--") == 0)
			options = false;
		else if (options && s[0] == '-' && s[1])
			r = take_option(rows, argc, argv, &i, args, err);
		else
			r = take_operand(rows, s, args, err);
		if (r != 0)
			return r;
	}
	return 0;
}
