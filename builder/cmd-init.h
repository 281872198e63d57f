/* cmd-init - `kiln init` */
#pragma once

#include "err.h"

extern const char cmd_init_help[];
int cmd_init(int argc, char **argv, struct err *err);
