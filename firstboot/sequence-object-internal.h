/*
 * sequence-object-internal - what the two halves of sequence-object share: its states and records
 * (sequence-object.c), and what answers do to them (sequence-answer.c)
 */
#pragma once

#include "sequence-object.h"

/* To another state, with no tries, pause or reason. */
void object_move(struct seq_object *x, enum object_state state);
/* Is "<word> <its digest>" the newest record of it? */
bool object_is_recorded(const struct seq_object *x, const struct journal *j, const char *word);
int object_record_add(const struct seq_object *x, struct journal *j, const char *word,
		      struct err *err) MUST_CHECK;
/* Does its readiness need more than that it is there? */
bool object_needs_look(const struct seq_object *x);
/*
 * Was there and is gone: done? A Job that has a TTL is; one that a gate covers (gate "none")
 * may have one. Another Job is made again, as any object.
 */
bool object_may_be_gone(const struct bundle_object *o);
