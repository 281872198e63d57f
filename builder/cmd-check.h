/*
 * cmd-check - `kiln check [FILE] [--json]`
 *
 * Mistakes go to stderr with line and caret; with --json to stdout as one object
 * (diag.h). Exit 1 when there are any.
 */
#pragma once

#include "commands.h"

int cmd_check(int argc, char **argv, struct err *err);
