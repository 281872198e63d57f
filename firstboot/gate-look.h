/*
 * gate-look - is a component's gate open? One look at the cluster, by reads alone
 *
 * gate_look() asks once, within about ten seconds at the worst, and answers with a
 * readiness: READY_YES is open, all else says what is in the way. A gate that this
 * agent does not know, of a newer Kiln's bundle, never opens and says so.
 * Errors: only -EPERM (the server is not of our CA) and -ENOMEM; the rest is a reason.
 */
#pragma once

#include "bundle-index.h"
#include "journal.h"
#include "kube.h"
#include "ready.h"

struct gate_view {
	struct kube *kube;	       /* borrowed; nothing under way */
	const struct journal *journal; /* borrowed; the sequence's, for what was seen and is gone */
};

int gate_look(const struct gate_view *v, const struct bundle_gate_spec *g, struct readiness *ret,
	      struct err *err) MUST_CHECK;
