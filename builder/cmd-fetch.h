/* cmd-fetch - bring everything that kiln.lock names into the cache */
#pragma once

#include "err.h"

int cmd_fetch(int argc, char **argv, struct err *err);
extern const char cmd_fetch_help[];
