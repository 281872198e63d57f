/* cmd-push - `kiln push` */
#pragma once

#include "err.h"

extern const char cmd_push_help[];
int cmd_push(int argc, char **argv, struct err *err);
