/* cmd-diff - `kiln diff` */
#pragma once

#include "err.h"

extern const char cmd_diff_help[];
int cmd_diff(int argc, char **argv, struct err *err);
