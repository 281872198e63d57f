/*
 * yaml-tree - one YAML document (a piece of a file) to a tree of values
 *
 * The inner half of yaml-json: libyaml's events, collections, merge keys. See there.
 */
#pragma once

#include "yaml-piece.h"

/* *ret_root stays NULL when the piece holds no document. */
int yaml_tree_read(struct kval_pool *pool, const struct yaml_piece *piece, struct kval **ret_root,
		   struct err *err) MUST_CHECK;
