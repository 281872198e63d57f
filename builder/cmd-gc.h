/* cmd-gc - `kiln gc` */
#pragma once

#include "err.h"

extern const char cmd_gc_help[];
int cmd_gc(int argc, char **argv, struct err *err);
