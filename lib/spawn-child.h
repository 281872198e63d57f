/*
 * spawn-child - starting a child with given stdio (used by spawn.c alone)
 *
 * -1 means /dev/null. The descriptors are borrowed.
 */
#pragma once

#include "spawn.h"

struct child_stdio {
	int in, out, err;
};

int child_start_stdio(const struct spawn *s, const struct child_stdio *io, struct child *ret,
		      struct err *err) MUST_CHECK;
