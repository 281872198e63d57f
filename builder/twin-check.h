/*
 * twin-check - what scripts generated must hold on the target too
 *
 * Looks at every file that no package owns: ELF, the desk's triplet or architecture in
 * its path, link or contents. A few kinds are known and handled: dropped (a cache that
 * is made anew, compiled Python whose source went) or translated (apt's list
 * of automatic packages). Everything else is refused, with path and package.
 */
#pragma once

#include "base-twin.h"

/* @owned: paths of packages on the native side (node->package). */
int twin_check(const struct twin *t, const struct rootfs *owned, struct err *err) MUST_CHECK;
