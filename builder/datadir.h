/*
 * datadir - where Kiln's own data is: boards/, bundle/, overlays/, agent/<arch>/
 *
 * $KILN_DATADIR, else share/kiln beside the program (a build folder), else
 * ../share/kiln (an installed one). agent/<arch>/ holds kiln-init and
 * kiln-node.deb of that architecture.
 */
#pragma once

#include "err.h"

/* "<datadir>/<rel>", owned by the caller; -ENOENT names what was looked for. */
int datadir_path(const char *rel, char **ret, struct err *err) MUST_CHECK;
