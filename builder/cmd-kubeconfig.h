/* cmd-kubeconfig - `kiln kubeconfig` */
#pragma once

#include "err.h"

extern const char cmd_kubeconfig_help[];
int cmd_kubeconfig(int argc, char **argv, struct err *err);
