/*
 * commands - the table of kiln's commands; it also prints the help
 *
 * A command is one file cmd-<name>.c with one function
 * int cmd_<name>(int argc, char **argv, struct err *err); argv[0] is its name.
 * It returns 0, a negative errno with err filled (exit 1), or CMD_USAGE with what is
 * wrong with its arguments in err (exit 2; main() adds where help is). `kiln <name> --help` prints
 * the entry's text.
 */
#pragma once

#include "err.h"

#define CMD_USAGE 2

struct command {
	const char *name;
	int (*run)(int argc, char **argv, struct err *err);
	const char *args;    /* "[NODE...]" */
	const char *summary; /* one line */
	const char *help;    /* options, one a line; ends with a newline */
};

extern const struct command commands[]; /* ends with an entry whose name is NULL */
