/*
 * yaml-anchors - the anchors of a document, and how far its aliases may blow it up
 *
 * Go counts the steps of decoding, each alias as often as it is used, and refuses a document that
 * consists of expanded aliases mostly; so "a billion laughs" are refused here by the same numbers.
 * Ownership: names and values live in the pool. Indices count from 1; 0 stands for no anchor.
 * Errors: -EINVAL with the alias' place; -ENOMEM.
 */
#pragma once

#include "yaml-piece.h"

struct yaml_anchor {
	char *name;
	struct kval *v;	  /* NULL: not complete yet */
	uint64_t decodes; /* steps that decoding it takes, aliases expanded */
	unsigned int height;
};
struct yaml_anchors {
	struct yaml_anchor *items; /* owned */
	size_t len, size;
	uint64_t decodes; /* steps so far: the reader adds one for each node */
	uint64_t alias_decodes;
};
void yaml_anchors_done(struct yaml_anchors *a);
#define cleanup_yaml_anchors CLEANUP(yaml_anchors_done)

/* Announces the anchor of a node that begins; @name NULL: it has none. */
int yaml_anchors_begin(struct yaml_anchors *a, struct kval_pool *pool, const yaml_char_t *name,
		       size_t *ret_index, struct err *err) MUST_CHECK;
/* The node is complete; @before: a->decodes when it began. */
void yaml_anchors_end(struct yaml_anchors *a, size_t index, struct kval *v, uint64_t before,
		      unsigned int height);
/* What an alias stands for, @depth collections deep; *ret is borrowed. */
int yaml_anchors_use(struct yaml_anchors *a, const struct yaml_piece *p, const yaml_event_t *e,
		     size_t depth, const struct yaml_anchor **ret, struct err *err) MUST_CHECK;
/* Go's bound, at the alias or the document's end. */
int yaml_anchors_check(const struct yaml_anchors *a, const struct yaml_piece *p,
		       const yaml_mark_t *mark, struct err *err) MUST_CHECK;
