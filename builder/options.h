/*
 * options - a command's arguments by a table
 *
 * A row is an option or the operand, and where its value goes in the command's own struct
 * of arguments. "--name VALUE" and "--name=VALUE" are the same; options and operands come in
 * any order; after "--" all is operand; "-" alone is one too. An option given again replaces
 * what it gave before, a second operand where one is taken is refused.
 * Ownership: values are borrowed from argv.
 * Errors: CMD_USAGE with one line; main() adds where help is. What a row's function returns
 * is passed on.
 *
 *	static const struct option_row rows[] = {
 *		OPTION("--json", OPTION_FLAG, struct plan_args, json),
 *		OPTION("-f", OPTION_TEXT, struct plan_args, file),
 *		OPTION("node", OPTION_OPERAND, struct plan_args, node),
 *		{ 0 },
 *	};
 *	r = options_parse(rows, argc, argv, &args, err);
 */
#pragma once

#include "err.h"

#include <stddef.h>

enum option_kind {
	OPTION_FLAG,	/* bool, set to true */
	OPTION_BIT,	/* unsigned int, to which @bit is added */
	OPTION_TEXT,	/* const char * */
	OPTION_TIME,	/* uint64_t, seconds: "30d" */
	OPTION_CALL,	/* @take is called with the value */
	OPTION_OPERAND, /* const char *; @name says what it is: "file", "node" */
	OPTION_OPERANDS /* @take is called for each */
};
struct option_row {
	const char *name; /* "--json", "-f"; the last row has none */
	enum option_kind kind;
	size_t offset; /* in @args; not for OPTION_CALL and OPTION_OPERANDS */
	int (*take)(void *args, const char *value, struct err *err);
	unsigned int bit;
};

#define OPTION(name_, kind_, type, member)                                                         \
	{                                                                                          \
		.name = (name_), .kind = (kind_), .offset = offsetof(type, member)                 \
	}
#define OPTION_OF_BIT(name_, type, member, bit_)                                                   \
	{                                                                                          \
		.name = (name_), .kind = OPTION_BIT, .offset = offsetof(type, member),             \
		.bit = (bit_)                                                                      \
	}
#define OPTION_FN(name_, kind_, take_)                                                             \
	{                                                                                          \
		.name = (name_), .kind = (kind_), .take = (take_)                                  \
	}

int options_parse(const struct option_row *rows, int argc, char **argv, void *args,
		  struct err *err) MUST_CHECK;
