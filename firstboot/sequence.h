/*
 * sequence - from an empty API server to what the bundle says, in order, resumed wherever it was
 * cut
 *
 * Components start when those in `after` have their hard gates open; inside one,
 * waves follow each other, each when the one before is applied and ready; hooks
 * go one by one. Objects in a wave go together, and so do components that do not
 * wait for each other. After the last wave come the component's gates.
 * What was done stands in a journal of its own (SEQUENCE_JOURNAL: an object's key and
 * digest) and, for other control-planes, in the cluster (inventory.h), so that after a stop at any
 * instant nothing is repeated: what it says is applied is only looked at, and applied again when it
 * is gone or the bundle has another digest. Nothing is pruned, nothing is forced. Ownership: a
 * sequence borrows the kube, reader and journal that it was made from. Errors: sequence_turn()
 * fails when the journal or the bundle fail, or the server is not of our CA; all else is a reason
 * and is tried again for ever.
 */
#pragma once

#include "apply.h"
#include "journal.h"
#include "status-json.h"
#include "step.h"

#define SEQUENCE_JOURNAL "sequence"

struct sequence;

int sequence_new(struct kube *kube, const struct bundle_reader *reader, struct journal *journal,
		 struct sequence **ret, struct err *err) MUST_CHECK;
void sequence_free(struct sequence *s);
static inline void sequence_freep(struct sequence **s)
{
	sequence_free(*s);
}
#define cleanup_sequence CLEANUP(sequence_freep)

/*
 * There are other control-planes: write only while this one, by that name, holds the Lease
 * (leader.h). Before the first turn.
 */
int sequence_lead(struct sequence *s, const char *identity, struct err *err) MUST_CHECK;
/*
 * Work for about budget_ms. TURN_DONE: every object is applied and ready, every hard gate
 * open; TURN_MORE: something moved lately; TURN_WAIT: the reason says what is awaited.
 */
int sequence_turn(struct sequence *s, unsigned int budget_ms, struct step_turn *turn,
		  struct err *err) MUST_CHECK;
/* Components whose Applications do not have them yet; they are looked at in each turn. */
size_t sequence_not_handed_over(const struct sequence *s);
/* How far each component is; borrowed, good until the next call on s. */
const struct status_component *sequence_status(struct sequence *s, size_t *ret_len);
const struct apply_stats *sequence_stats(const struct sequence *s);
/* What is left and why, for people, by reads alone; needs a sequence that had no turn yet. */
int sequence_plan(struct sequence *s, FILE *out, struct err *err) MUST_CHECK;
