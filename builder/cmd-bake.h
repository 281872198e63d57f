/* cmd-bake - make the images of nodes. */
#pragma once

#include "err.h"

int cmd_bake(int argc, char **argv, struct err *err);
extern const char cmd_bake_help[];
