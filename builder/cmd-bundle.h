/*
 * cmd-bundle - the verbs of `kiln bundle`; argv[0] is the verb
 *
 * As commands.h: 0, a negative errno with err filled, or CMD_USAGE.
 */
#pragma once

#include "err.h"

int cmd_bundle(int argc, char **argv, struct err *err) MUST_CHECK;
int bundle_json(int argc, char **argv, struct err *err) MUST_CHECK;
