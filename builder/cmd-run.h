/* cmd-run - boot a node's image in QEMU. */
#pragma once

#include "err.h"

int cmd_run(int argc, char **argv, struct err *err);
extern const char cmd_run_help[];
