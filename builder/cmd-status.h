/* cmd-status - `kiln status` */
#pragma once

#include "err.h"

extern const char cmd_status_help[];
int cmd_status(int argc, char **argv, struct err *err);
