/*
 * facts - what values and manifests of a component may say as ${...}
 *
 * One fact, one place: everything derives from cluster.yaml and the boards; the
 * list is in docs/components.md, checked against facts_build() by a test. A
 * scalar that is nothing but ${name} takes the fact with its type (number, list,
 * map ...); inside a longer text or a key the fact must be a text, a number or a
 * boolean. "$${" is a plain "${". ${secret:NAME} stays until the bundle is packed.
 * Errors: "FILE:LINE:COL: no fact 'x'; ..." for unknown names.
 */
#pragma once

#include "cluster.h"
#include "kval.h"

/* All facts as one map; ${a.b} is its path a.b. "options" are those of @comp (may be NULL). */
int facts_build(struct kval_pool *pool, const struct cluster *c, const struct component *comp,
		const char *cluster_id, struct kval **ret, struct err *err) MUST_CHECK;

/* Expand in place; @file for messages. Values taken over are shared with the facts. */
int facts_expand(struct kval_pool *pool, const struct kval *facts, const char *file, struct kval *v,
		 struct err *err) MUST_CHECK;

/* Whether the fact is there and neither null, false, "" nor empty. */
bool facts_set(const struct kval *facts, const char *name);
