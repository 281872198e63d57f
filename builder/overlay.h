/*
 * overlay - the static files of overlays/<name>/ as they shall lie in a root
 *
 * Only files and links: folders on the way belong to the root's packages. Modes come
 * from the executable bit alone (0755, 0644), so that the umask of a checkout decides
 * nothing. Owner root.
 */
#pragma once

#include "fileset.h"

/* @name: common, control-plane, worker. -EEXIST: something brings that path already. */
int overlay_add(const char *name, struct fileset *fs, struct err *err) MUST_CHECK;
/* The same of a folder that is known. */
int overlay_add_dir(const char *dir, struct fileset *fs, struct err *err) MUST_CHECK;
