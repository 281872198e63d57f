/* What the parts of the sequencer share: sequence.c and
 * sequence-{cluster,gates,handover,renew,report,served,start,words}.c. */
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
	bool handed_over;  /* its Application has it: nothing of it is applied again */
	bool applied;	   /* all objects are over */
	bool open;	   /* and all hard gates are open: others may start */
	bool doubted;	   /* some of it is looked at once more, though it was ready */
	uint64_t doubt_ms; /* when all of it is doubted, if a gate is still closed; 0: none is */
	unsigned int doubts;
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
	bool identified;      /* the journal is this cluster's */
	uint64_t identity_ms; /* when to ask again which cluster this is */
	char identity_trouble[256];
	bool rechecked; /* before the end, what all stands on was looked at once more */
	struct inventory inventory;
	bool inventory_due;	  /* something is worth a look whether it is to be written */
	uint64_t inventory_by_ms; /* the same, but others may join it until then; 0: nothing */
	struct leader *leader;	  /* NULL: there is no other control-plane */
	uint64_t follow_ms;	  /* when to look what the leader did */
	bool may_write, writes;	  /* now; something waits to be written */
	bool hand_over_due;	  /* an Application is ready, and we may not write yet */
	uint64_t hand_over_ms;	  /* when to look at Applications again */
	char hand_over_reason[512];
	uint64_t moved_ms;
};

/* The one in `after` that keeps c back; NULL: none does. */
const char *sequence_held_by(const struct sequence *s, const struct seq_component *c);
/*
 * The objects that may be worked on now: [*ret_first, *ret_end). Empty: all are over. A wave is
 * worked on when those before are over; but what comes before hooks and workloads does not wait
 * until the component's CRDs are served.
 */
void sequence_wave(const struct seq_component *c, size_t *ret_first, size_t *ret_end);
/* How many of c's objects are CRDs; they come first. */
size_t sequence_crds(const struct seq_component *c);
/*
 * Start what may start: waves of the components that nothing holds back, in order; then, with
 * the room that is left, the CRDs and Namespaces of those that have to wait. They hang on
 * nothing; registering CRDs is most of the server's work, and a Namespace is usable only when a
 * controller has been there.
 */
int sequence_start(struct sequence *s, uint64_t *next_ms, bool *moved, struct err *err) MUST_CHECK;
/* CRDs that are applied: are they served by now? One question for all of them. */
int sequence_look_at_served(struct sequence *s, uint64_t *next_ms, bool *moved,
			    struct err *err) MUST_CHECK;
/* c is past its waves: is it open? */
int sequence_look_at_gates(struct sequence *s, struct seq_component *c, uint64_t *next_ms,
			   bool *moved, struct err *err) MUST_CHECK;
/* Give up all that is under way. */
void sequence_cancel(struct sequence *s);
/* Is the journal this cluster's? When not, it is forgotten; sets s->identified. */
int sequence_identity(struct sequence *s, uint64_t *next_ms, struct err *err) MUST_CHECK;
/* A write was answered with class: is what it stands on still there? */
void sequence_doubt_ground(struct sequence *s, const struct bundle_object *of,
			   enum kube_class class);
/* A hard gate of c is closed: now and then its objects are looked at once more. */
void sequence_doubt_closed(struct seq_component *c);
/*
 * All is open: the Namespaces, once more, when this process has written; those that are gone, or
 * all without an answer, are doubted. 1: wait for it.
 */
int sequence_recheck(struct sequence *s, struct err *err) MUST_CHECK;
/* c was doubted: is it settled? What has to be written opens it again. */
void sequence_settle(struct seq_component *c);
void sequence_reopen(struct seq_component *c);
/* What was in it is gone: its objects begin anew, hooks too. */
int sequence_lose_namespace(struct sequence *s, const char *name, struct err *err) MUST_CHECK;
/* Who leads, and what the cluster knows: sets s->may_write. */
int sequence_cluster(struct sequence *s, uint64_t *next_ms, struct err *err) MUST_CHECK;
/* When all is up: components whose Applications are Synced and Healthy. */
int sequence_hand_over(struct sequence *s, struct err *err) MUST_CHECK;
bool sequence_was_handed_over(const struct sequence *s, const struct seq_component *c);
/* Nothing of it that its Application has is looked at or applied again. */
void sequence_mark_handed_over(struct seq_component *c);
/* Of a component that is handed over: objects with secrets, which no Application has. */
bool sequence_stays_ours(const struct bundle_object *o);
/* Read the inventory, and take over what the journal does not know. */
int sequence_load_inventory(struct sequence *s, struct err *err) MUST_CHECK;
static inline void seq_earlier(uint64_t *next_ms, uint64_t ms)
{
	if (ms < *next_ms)
		*next_ms = ms;
}
/* For what waits long: the words of its pods. Called between the turns' own work. */
int sequence_words(struct sequence *s, struct err *err) MUST_CHECK;
/* What is left, for a person, into turn->reason. */
void sequence_describe(const struct sequence *s, struct step_turn *turn);
