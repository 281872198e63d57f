/*
 * The platform: the bundle's components, brought up in order (sequence.h). The work of the
 * control-plane that founds the cluster; the bundle's file must have the digest that the seed says.
 */
#include "agent.h"

#define BUDGET_MS 3000

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
	return sequence_new(a->kube, a->bundle, a->sequence_journal, &a->sequence, err);
}

int step_sequence(struct agent *a, struct step_turn *turn, struct err *err)
{
	if (!a->node.bundle) {
		step_reasonf(turn, "no bundle on this node");
		return TURN_DONE;
	}
	if (a->node.node.role != NODE_CONTROL_PLANE || !a->node.node.init) {
		step_reasonf(turn, "the first control-plane's work");
		return TURN_DONE;
	}
	if (!a->sequence) {
		int r = open_sequence(a, err);

		if (r < 0)
			return r;
	}
	return sequence_turn(a->sequence, BUDGET_MS, turn, err);
}
