/* cmd-update - resolve every input into kiln.lock */
#pragma once

#include "err.h"

int cmd_update(int argc, char **argv, struct err *err);
extern const char cmd_update_help[];
