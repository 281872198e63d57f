/*
 * yaml-tree - one YAML document (a piece of a file) to a tree of values
 *
 * The inner half of yaml-json: libyaml's events, anchors, merge keys. See there.
 */
#pragma once

#include "err.h"
#include "kval.h"

struct yaml_piece {
	const char *name; /* of the file, for messages */
	const char *text; /* borrowed */
	size_t len;
	unsigned int line; /* of the file, where the piece begins */
};
/* *ret_root stays NULL when the piece holds no document. */
int yaml_piece_read(struct kval_pool *pool, const struct yaml_piece *piece, struct kval **ret_root,
		    struct err *err) MUST_CHECK;
