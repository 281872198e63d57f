/*
 * cmd-bundle - the verbs of `kiln bundle`; argv[0] is the verb
 *
 * As commands.h: 0, a negative errno with err filled, or CMD_USAGE.
 */
#pragma once

#include "err.h"

int cmd_bundle(int argc, char **argv, struct err *err) MUST_CHECK;
int bundle_json(int argc, char **argv, struct err *err) MUST_CHECK;
int bundle_diff(int argc, char **argv, struct err *err) MUST_CHECK;
int bundle_export(int argc, char **argv, struct err *err) MUST_CHECK;
extern const char cmd_bundle_help[];
