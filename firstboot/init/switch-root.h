/*
 * switch-root - leave the initrd for the real root
 *
 * Moves /dev, /proc, /sys and /run into the root, empties the initrd's memory, makes the root /
 * and starts its init. Does not return on success.
 */
#pragma once

#include "err.h"

/* argv: of kiln-init; its words after the first are the kernel's for init. */
int switch_root(const char *root, const char *init, char **argv, struct err *err) MUST_CHECK;
