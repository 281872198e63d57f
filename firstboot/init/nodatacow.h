/*
 * nodatacow - no copy-on-write for the files of databases
 *
 * /usr/lib/kiln/nodatacow names folders of the root, one a line, absolute; "#" starts a
 * comment line. A folder that is missing is made, 0700, its parents 0755. The flag (chattr +C) is
 * set on an empty one, so that what is created in it has it too; on one with files it would do
 * nothing for them, and is left as it is.
 */
#pragma once

#include "err.h"

#define NODATACOW_FILE "/usr/lib/kiln/nodatacow"

/* No file: nothing to do. The first failure is kept for the result; the others are still tried. */
int nodatacow_set(int root_fd, struct err *err) MUST_CHECK;
