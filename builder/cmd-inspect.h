/* cmd-inspect - look into an image. */
#pragma once

#include "err.h"

int cmd_inspect(int argc, char **argv, struct err *err);
extern const char cmd_inspect_help[];
