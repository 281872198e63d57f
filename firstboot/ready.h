/*
 * ready - is one object of the API server ready? The rule of its kind, as a pure function
 *
 * One table of rules by group and kind, the strictest reading of what kstatus, Helm, kapp
 * and Argo CD ask: a DaemonSet that wants no pod is not ready, a custom resource
 * without status is not ready, a deleted object is not ready whatever it says.
 * What an object cannot tell about itself is the caller's to ask: whether a CRD's
 * path is served, whether a Namespace has its ServiceAccount, whether a webhook's
 * Service has an endpoint, whether a Job that is gone was seen complete.
 *
 *	ready_judge(json, &r);
 *	if (r.state != READY_YES) report(r.reason);
 */
#pragma once

#include "macros.h"

#include <jansson.h>
#include <stdbool.h>

#define READY_REASON_MAX 512

enum ready_state {
	READY_YES,
	READY_WAIT,    /* not yet: the reason says what is awaited */
	READY_FAILED,  /* it says itself that it will not be; still looked at again */
	READY_NO_RULE, /* its kind has no rule and it has no condition that tells */
};
const char *ready_state_to_string(enum ready_state s);

struct readiness {
	enum ready_state state;
	char reason[READY_REASON_MAX]; /* "" when ready; UTF-8, one line */
};

void readiness_setf(struct readiness *r, enum ready_state state, const char *fmt, ...)
	PRINTF_LIKE(3, 4);
void ready_judge(const json_t *object, struct readiness *ret);
/* A Pod out of a List: the items of the API server's lists do not name their kind. */
void ready_judge_pod(const json_t *pod, struct readiness *ret);
/* Is any endpoint of a List of EndpointSlices ready, with an address? */
bool ready_has_endpoint(const json_t *slices);
/* Whether being there is all that this kind's rule asks (ConfigMap, Role, ...). */
bool ready_when_present(const char *group, const char *kind);

/* The condition of that type in status.conditions; NULL: none. Borrowed. */
const json_t *ready_condition(const json_t *object, const char *type);
/* Is that condition's status "True"? A missing one is not. */
bool ready_condition_true(const json_t *object, const char *type);
/* Not ready because of the condition: type, reason and message in the object's own words. */
void ready_from_condition(const json_t *object, const char *type, struct readiness *ret);
/* A number at status.<key> or spec.<key> ("status.replicas"), otherwise when absent. */
int64_t ready_number(const json_t *object, const char *path, int64_t otherwise);
