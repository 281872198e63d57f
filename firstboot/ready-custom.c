/*
 * ready-custom - when custom resources are ready: cert-manager's, Rook's and Argo CD's by their
 * rules, all others by what most of them have; see ready.h
 */
#include "ready-internal.h"

#include "json.h"

#include <string.h>

void ready_rule_certificate(const json_t *o, struct readiness *ret)
{
	if (ready_condition_true(o, "Issuing"))
		ready_say_condition(o, "Issuing", READY_WAIT, ret);
	else
		ready_rule_ready(o, ret);
}

void ready_rule_phase_ready(const json_t *o, struct readiness *ret)
{
	const char *phase = js_text(o, "status.phase");

	if (strcmp(phase, "Ready") != 0)
		readiness_setf(ret, strcmp(phase, "Failure") == 0 ? READY_FAILED : READY_WAIT,
			       "phase is '%s'%s%.300s", phase,
			       *js_text(o, "status.message") ? ": " : "",
			       js_text(o, "status.message"));
}

void ready_rule_object_store(const json_t *o, struct readiness *ret)
{
	const char *phase = js_text(o, "status.phase");

	if (strcmp(phase, "Connected") != 0)
		ready_rule_phase_ready(o, ret);
}

/* Health is a gate's affair, which knows the tolerated warnings. */
void ready_rule_ceph_cluster(const json_t *o, struct readiness *ret)
{
	ready_rule_phase_ready(o, ret);
	if (ret->state == READY_YES && strcmp(js_text(o, "status.state"), "Created") != 0 &&
	    strcmp(js_text(o, "status.state"), "Connected") != 0)
		readiness_setf(ret, READY_WAIT, "state is '%s'", js_text(o, "status.state"));
}

void ready_rule_application(const json_t *o, struct readiness *ret)
{
	const char *sync = js_text(o, "status.sync.status");
	const char *health = js_text(o, "status.health.status");
	const char *phase = js_text(o, "status.operationState.phase");

	if (ready_condition(o, "ComparisonError")) {
		readiness_setf(ret, READY_WAIT, "ComparisonError: %.400s",
			       js_text(ready_condition(o, "ComparisonError"), "message"));
		return;
	}
	if (strcmp(sync, "Synced") != 0 || strcmp(health, "Healthy") != 0)
		readiness_setf(ret, READY_WAIT, "sync is '%s', health is '%s'", sync, health);
	else if (*phase && strcmp(phase, "Succeeded") != 0)
		readiness_setf(ret, READY_WAIT, "its operation is '%s': %.300s", phase,
			       js_text(o, "status.operationState.message"));
}

/* A custom resource without a rule of its own. */
void ready_rule_other(const json_t *o, struct readiness *ret)
{
	static const char *const good[] = { "Ready",	   "Active",	"Available",
					    "Bound",	   "Running",	"Succeeded",
					    "Established", "Connected", "Healthy" };
	const char *phase = js_text(o, "status.phase");

	if (!json_object_size(json_object_get(o, "status"))) {
		readiness_setf(ret, READY_WAIT, "it has no status yet");
		return;
	}
	if (ready_condition(o, "Ready")) {
		ready_rule_ready(o, ret);
	} else if (ready_condition(o, "Available")) {
		ready_rule_available(o, ret);
	} else if (*phase) {
		for (size_t i = 0; i < ARRAY_SIZE(good); i++)
			if (strcmp(phase, good[i]) == 0)
				return;
		readiness_setf(ret, READY_WAIT, "phase is '%s'", phase);
	} else {
		readiness_setf(
			ret, READY_NO_RULE,
			"%s has no rule, and neither Ready nor Available nor a phase in its status",
			js_text(o, "kind"));
	}
}
