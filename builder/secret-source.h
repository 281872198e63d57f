/*
 * secret-source - where rendering takes the cluster's identity from
 *
 * `kiln bake` takes it from .kiln/secrets. `kiln plan` works before `kiln init` as
 * well: it then shows stand-ins where the secrets would be. Names are those of
 * secrets.h.
 */
#pragma once

#include "secrets.h"

struct secret_source {
	int (*get)(const struct cluster *c, const char *name, struct secret *ret,
		   struct err *err) MUST_CHECK;
};
/* .kiln/secrets; -ENOENT says to run 'kiln init'. */
extern const struct secret_source secret_source_disk;
/*
 * Stand-ins that say what would be there: ids are zeros, all else is one line
 * "(NAME, made by kiln init)".
 */
extern const struct secret_source secret_source_stand_in;
