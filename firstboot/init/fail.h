/*
 * fail - the end of a boot that cannot go on
 *
 * The message stays on every console. With kiln.rescue a shell of the root, if it is mounted at
 * ROOT_DIR and has one, on /dev/console; when it ends, and without it after kiln.reboot=
 * seconds, everything is synced and the machine starts again.
 */
#pragma once

#include "cmdline.h"

_Noreturn void boot_fail(const struct options *o, const char *text);
