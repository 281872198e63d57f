/* ready-work - when controllers of pods, pods and Jobs are ready; see ready.h */
#include "ready-internal.h"

#include "json.h"

#include <inttypes.h>
#include <string.h>

bool ready_unobserved(const json_t *o, struct readiness *ret)
{
	if (ready_number(o, "status.observedGeneration", -1) >= 0)
		return false;
	readiness_setf(ret, READY_WAIT, "its controller has not seen it yet");
	return true;
}

void ready_rule_deployment(const json_t *o, struct readiness *ret)
{
	int64_t want = ready_number(o, "spec.replicas", 1);

	if (ready_unobserved(o, ret) || ready_short_of(o, "updatedReplicas", want, ret) ||
	    ready_short_of(o, "readyReplicas", want, ret) ||
	    ready_short_of(o, "availableReplicas", want, ret)) {
		/* not terminal: before the CNI and the images are there it is the usual case */
		if (ready_condition_false(o, "Progressing"))
			ready_say_condition(o, "Progressing", READY_WAIT, ret);
		return;
	}
	if (ready_number(o, "status.replicas", 0) > want)
		readiness_setf(ret, READY_WAIT, "old pods have not ended yet");
	else
		ready_rule_available(o, ret);
}

void ready_rule_daemonset(const json_t *o, struct readiness *ret)
{
	int64_t want = ready_number(o, "status.desiredNumberScheduled", 0);

	if (ready_unobserved(o, ret))
		return;
	if (want == 0) {
		readiness_setf(ret, READY_WAIT, "no node takes it: desiredNumberScheduled is 0");
		return;
	}
	if (ready_short_of(o, "currentNumberScheduled", want, ret))
		return;
	if (strcmp(js_text(o, "spec.updateStrategy.type"), "OnDelete") != 0 &&
	    ready_short_of(o, "updatedNumberScheduled", want, ret))
		return;
	if (!ready_short_of(o, "numberAvailable", want, ret))
		(void)ready_short_of(o, "numberReady", want, ret);
}

void ready_rule_statefulset(const json_t *o, struct readiness *ret)
{
	int64_t want = ready_number(o, "spec.replicas", 1);
	int64_t partition = ready_number(o, "spec.updateStrategy.rollingUpdate.partition", 0);
	bool on_delete = strcmp(js_text(o, "spec.updateStrategy.type"), "OnDelete") == 0;

	if (ready_unobserved(o, ret) || ready_short_of(o, "replicas", want, ret) ||
	    ready_short_of(o, "readyReplicas", want, ret))
		return;
	if (ready_number(o, "status.replicas", 0) > want)
		readiness_setf(ret, READY_WAIT, "more pods than wanted are still there");
	else if (on_delete)
		return;
	else if (partition > 0)
		(void)ready_short_of(o, "updatedReplicas", want - partition, ret);
	else if (!ready_short_of(o, "updatedReplicas", want, ret) &&
		 strcmp(js_text(o, "status.currentRevision"),
			js_text(o, "status.updateRevision")) != 0)
		readiness_setf(ret, READY_WAIT, "the new revision is not the current one yet");
}

void ready_rule_replicaset(const json_t *o, struct readiness *ret)
{
	int64_t want = ready_number(o, "spec.replicas", 1);

	if (ready_condition_true(o, "ReplicaFailure"))
		ready_say_condition(o, "ReplicaFailure", READY_WAIT, ret);
	else if (!ready_unobserved(o, ret) &&
		 !ready_short_of(o, "fullyLabeledReplicas", want, ret) &&
		 !ready_short_of(o, "availableReplicas", want, ret))
		(void)ready_short_of(o, "readyReplicas", want, ret);
}

static bool is_one_of(const char *s, const char *const *list, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (strcmp(s, list[i]) == 0)
			return true;
	return false;
}

/* A container that waits for more than its turn; true: said. */
static bool waiting_trouble(const json_t *c, struct readiness *ret)
{
	static const char *const usual[] = { "", "ContainerCreating", "PodInitializing" };
	static const char *const image[] = { "ErrImageNeverPull", "ErrImagePull",
					     "ImagePullBackOff",  "InvalidImageName",
					     "ImageInspectError", "RegistryUnavailable" };
	const char *why = js_text(c, "state.waiting.reason");
	const char *message = js_text(c, "state.waiting.message");
	const json_t *last = js_at(c, "lastState.terminated");

	if (is_one_of(why, usual, ARRAY_SIZE(usual)))
		return false;
	if (is_one_of(why, image, ARRAY_SIZE(image)))
		readiness_setf(ret, READY_FAILED, "%s: image %.200s%s%.200s", why,
			       js_text(c, "image"), *message ? ": " : "", message);
	else if (last)
		readiness_setf(ret, READY_WAIT,
			       "container %.63s: %s: it ended with code %" PRId64
			       " (%.60s)%s%.200s",
			       js_text(c, "name"), why, ready_number(last, "exitCode", 0),
			       js_text(last, "reason"), *js_text(last, "message") ? ": " : "",
			       js_text(last, "message"));
	else
		readiness_setf(ret, READY_WAIT, "container %.63s: %s%s%.300s", js_text(c, "name"),
			       why, *message ? ": " : "", message);
	return true;
}

/* What the first container in trouble says of itself; true: said. */
static bool container_trouble(const json_t *o, const char *list_path, struct readiness *ret)
{
	const json_t *list = js_at(o, list_path), *c, *end;
	size_t i;

	json_array_foreach (list, i, c) {
		if (waiting_trouble(c, ret))
			return true;
		end = js_at(c, "state.terminated");
		if (!end || ready_number(end, "exitCode", 0) == 0)
			continue;
		readiness_setf(ret, READY_WAIT,
			       "container %.63s ended with code %" PRId64 " (%.60s)%s%.200s",
			       js_text(c, "name"), ready_number(end, "exitCode", 0),
			       js_text(end, "reason"), *js_text(end, "message") ? ": " : "",
			       js_text(end, "message"));
		return true;
	}
	return false;
}

void ready_rule_pod(const json_t *o, struct readiness *ret)
{
	const char *phase = js_text(o, "status.phase");
	bool failed = strcmp(phase, "Failed") == 0;

	if (strcmp(phase, "Succeeded") == 0)
		return;
	if (container_trouble(o, "status.initContainerStatuses", ret) ||
	    container_trouble(o, "status.containerStatuses", ret))
		ret->state = failed ? READY_FAILED : ret->state;
	else if (failed)
		readiness_setf(ret, READY_FAILED, "phase is Failed: %.60s%s%.300s",
			       js_text(o, "status.reason"),
			       *js_text(o, "status.reason") ? ": " : "",
			       js_text(o, "status.message"));
	else if (strcmp(phase, "Running") == 0)
		ready_rule_ready(o, ret);
	else if (ready_condition_false(o, "PodScheduled"))
		ready_say_condition(o, "PodScheduled", READY_WAIT, ret);
	else
		readiness_setf(ret, READY_WAIT, "phase is '%s'", phase);
}

void ready_rule_job(const json_t *o, struct readiness *ret)
{
	if (ready_condition_true(o, "Failed"))
		ready_say_condition(o, "Failed", READY_FAILED, ret);
	else if (ready_condition_true(o, "Suspended"))
		ready_say_condition(o, "Suspended", READY_WAIT, ret);
	else if (!ready_condition_true(o, "Complete"))
		readiness_setf(ret, READY_WAIT,
			       "not complete: %" PRId64 " active, %" PRId64 " succeeded, %" PRId64
			       " failed",
			       ready_number(o, "status.active", 0),
			       ready_number(o, "status.succeeded", 0),
			       ready_number(o, "status.failed", 0));
}
