/*
 * The platform: the bundle's components, brought up in order (sequence.h). The work of the
 * control-plane that holds the Lease; the bundle's file must have the digest that the seed says.
 */
#include "agent.h"

#define BUDGET_MS 3000

/* Does any other node sequence too, when it may? Then only the Lease's holder writes. */
static bool has_rivals(const struct agent *a)
{
	for (size_t i = 0; i < a->node.peers.len; i++)
		if (a->node.peers.items[i].role == NODE_CONTROL_PLANE)
			return true;
	return false;
}

static int open_sequence(struct agent *a, struct err *err)
{
	int r = agent_bundle(a, err);

	if (r < 0)
		return r;
	if (!a->sequence_journal) {
		r = journal_open(a->state_fd, SEQUENCE_JOURNAL, &a->sequence_journal, err);
		if (r < 0)
			return r;
	}
	r = sequence_new(a->kube, a->bundle, a->sequence_journal, &a->sequence, err);
	if (r >= 0 && has_rivals(a))
		r = sequence_lead(a->sequence, a->node.node.name, err);
	return r;
}

int step_sequence(struct agent *a, struct step_turn *turn, struct err *err)
{
	if (!a->node.bundle) {
		step_reasonf(turn, "no bundle on this node");
		return TURN_DONE;
	}
	if (a->node.node.role != NODE_CONTROL_PLANE) {
		step_reasonf(turn, "a control-plane's work");
		return TURN_DONE;
	}
	if (!a->sequence) {
		int r = open_sequence(a, err);

		if (r < 0)
			return r;
	}
	return sequence_turn(a->sequence, BUDGET_MS, turn, err);
}
