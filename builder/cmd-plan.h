/*
 * cmd-plan - `kiln plan`: what would be built, and each node's files
 */
#pragma once

#include "err.h"

int cmd_plan(int argc, char **argv, struct err *err);
extern const char cmd_plan_help[];
