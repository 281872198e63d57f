/*
 * cmd-schema - `kiln schema [cluster|board]`: JSON Schema for editors, on stdout
 */
#pragma once

#include "commands.h"

int cmd_schema(int argc, char **argv, struct err *err);
