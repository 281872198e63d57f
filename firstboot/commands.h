/*
 * commands - the table of kiln-node's commands; it also prints the help
 *
 * As builder/commands.h: one file cmd-<name>.c a command, which returns 0, a
 * negative errno with err filled (exit 1), or CMD_USAGE with one exact line in err
 * (exit 2).
 */
#pragma once

#include "err.h"

#define CMD_USAGE 2

struct command {
	const char *name;
	int (*run)(int argc, char **argv, struct err *err);
	const char *args;    /* "[--json] PATH" */
	const char *summary; /* one line */
	const char *help;    /* options, one a line; ends with a newline, or "" */
};

extern const struct command commands[]; /* ends with an entry whose name is NULL */

int cmd_boot_update(int argc, char **argv, struct err *err);
int cmd_run(int argc, char **argv, struct err *err);
int cmd_sequence(int argc, char **argv, struct err *err);
int cmd_status(int argc, char **argv, struct err *err);
int cmd_probe(int argc, char **argv, struct err *err);
