/*
 * handover - our fields of an object become Argo CD's, without a change of any value
 *
 * Argo CD syncs only what differs; an object applied as it stands in Git it would never own, and
 * a field that later goes from Git would stay for ever. So our entry in managedFields gets its
 * manager's name, by a JSON patch that the server takes only for the very version that was read.
 * Ownership is never released by a bare apply, which deletes the fields.
 */
#pragma once

#include "bundle-index.h"
#include "kube.h"

#define HANDOVER_MANAGER "argocd-controller"

/*
 * The managedFields in which `manager`'s applied entry is HANDOVER_MANAGER's, united with the one
 * that it has already: new reference; NULL without memory. *ret_ours: there was one of `manager`.
 */
json_t *handover_fields(const json_t *fields, const char *manager, bool *ret_ours);

enum handover_result { HANDOVER_DONE, HANDOVER_LATER };
/* One object: nothing to do, done, or later (why says what the server said, "" for a race). */
int handover_object(struct kube *k, const struct bundle_object *o, enum handover_result *ret,
		    char *why, size_t why_size, struct err *err) MUST_CHECK;
