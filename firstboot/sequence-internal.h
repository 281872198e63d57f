/* What the parts of the sequencer share: sequence.c and
 * sequence-{cluster,handover,report,words}.c. */
#pragma once

#include "discovery.h"
#include "gate-look.h"
#include "inventory.h"
#include "leader.h"
#include "sequence-object.h"
#include "sequence.h"

struct seq_gate {
	bool open;
	uint64_t since_ms, next_ms; /* first look; next look */
	unsigned int looks;
	struct readiness last;
};
struct seq_component {
	const struct bundle_component *def; /* borrowed */
	struct seq_object *objects;
	struct seq_gate *gates;
	bool handed_over; /* its Application has it: nothing of it is applied again */
	bool applied;	  /* all objects are over */
	bool open;	  /* and all hard gates are open: others may start */
	const struct seq_object *words_of; /* the object whose words these are, or NULL */
	char words[READY_REASON_MAX];	   /* its reason with its pods' words */
	uint64_t words_ms;		   /* when to look again */
	char why[STEP_REASON_MAX];	   /* of sequence_status() */
};
struct seq_slot {
	struct apply_item item;
	bool busy;
	size_t bytes; /* of the text that it sends */
};
struct sequence {
	struct kube *kube;
	const struct bundle_reader *reader;
	struct journal *journal;
	const struct bundle_index *index;
	struct seq_component *components;
	struct status_component *status;
	struct apply_stats stats;
	struct discovery *discovery;
	struct seq_slot slots[APPLY_IN_FLIGHT];
	size_t busy, busy_bytes;
	struct inventory inventory;
	bool inventory_due;	/* something is worth a look whether it is to be written */
	struct leader *leader;	/* NULL: there is no other control-plane */
	uint64_t follow_ms;	/* when to look what the leader did */
	bool may_write, writes; /* now; something waits to be written */
	bool hand_over_due;	/* an Application is ready, and we may not write yet */
	uint64_t hand_over_ms;	/* when to look at Applications again */
	char hand_over_reason[512];
	uint64_t moved_ms;
};

/* The one in `after` that keeps c back; NULL: none does. */
const char *sequence_held_by(const struct sequence *s, const struct seq_component *c);
/* The objects that may be worked on now: [*ret_first, *ret_end). Empty: all are over. */
void sequence_wave(const struct seq_component *c, size_t *ret_first, size_t *ret_end);
/* Who leads, and what the cluster knows: sets s->may_write. */
int sequence_cluster(struct sequence *s, uint64_t *next_ms, struct err *err) MUST_CHECK;
/* When all is up: components whose Applications are Synced and Healthy. */
int sequence_hand_over(struct sequence *s, struct err *err) MUST_CHECK;
bool sequence_was_handed_over(const struct sequence *s, const struct seq_component *c);
/* Nothing of it that its Application has is looked at or applied again. */
void sequence_mark_handed_over(struct seq_component *c);
static inline void seq_earlier(uint64_t *next_ms, uint64_t ms)
{
	if (ms < *next_ms)
		*next_ms = ms;
}
/* For what waits long: the words of its pods. Called between the turns' own work. */
int sequence_words(struct sequence *s, struct err *err) MUST_CHECK;
/* What is left, for a person, into turn->reason. */
void sequence_describe(const struct sequence *s, struct step_turn *turn);
