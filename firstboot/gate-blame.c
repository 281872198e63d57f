#include "gate-blame.h"

#include "apply.h"
#include "buf.h"
#include "gate-kinds.h"
#include "json.h"

#include <string.h>

#define WARNINGS "%2Ctype%3DWarning"

char *gate_pods_path(const char *namespace, const json_t *labels)
{
	cleanup_buf struct buf b = BUF_INIT(8192);
	const char *key, *sep = "";
	json_t *value;

	(void)buf_addf(&b, "/api/v1/namespaces/%s/pods?labelSelector=", namespace);
	json_object_foreach ((json_t *)(uintptr_t)labels, key, value) {
		(void)buf_adds(&b, sep);
		for (const char *p = key; *p; p++)
			(void)(*p == '/' ? buf_adds(&b, "%2F") : buf_addc(&b, *p));
		(void)buf_addf(&b, "%%3D%s", json_string_value(value));
		sep = "%2C";
	}
	return buf_error(&b) < 0 ? NULL : buf_steal(&b, NULL);
}

static void add_words(struct readiness *ret, const char *words)
{
	char before[READY_REASON_MAX];

	(void)snprintf(before, sizeof(before), "%s", ret->reason);
	readiness_setf(ret, ret->state, "%.200s%s%.300s", before, *before ? ": " : "", words);
}

/* Of two times as the API writes them, series and old style. */
static const char *event_time(const json_t *event)
{
	const char *s = js_text(event, "series.lastObservedTime");

	if (!*s)
		s = js_text(event, "lastTimestamp");
	return *s ? s : js_text(event, "eventTime");
}

/* The newest event about o in dst; "" without. selector: "" or "%2Ctype%3DWarning". */
static int newest_event(const struct gate_view *v, const json_t *o, const char *selector, char *dst,
			size_t size, struct err *err)
{
	cleanup_json json_t *list = NULL;
	const json_t *items, *e, *newest = NULL;
	struct readiness unused;
	char path[512];
	size_t i;
	int r;

	*dst = '\0';
	(void)snprintf(path, sizeof(path),
		       "/api/v1/namespaces/%.253s/events?fieldSelector=involvedObject.uid%%3D%.100s"
		       "%s&limit=100",
		       js_text(o, "metadata.namespace"), js_text(o, "metadata.uid"), selector);
	r = gate_get_path(v, path, &list, &unused, err);
	if (r < 0 || !list)
		return r;
	items = json_object_get(list, "items");
	json_array_foreach (items, i, e)
		if (!newest || strcmp(event_time(e), event_time(newest)) > 0)
			newest = e;
	if (newest)
		(void)snprintf(dst, size, "%.60s: %.400s", js_text(newest, "reason"),
			       js_text(newest, "message"));
	return 0;
}

/* The pod that tells most: one that failed before one that only waits. */
static const json_t *worst_pod(const json_t *pods, struct readiness *ret)
{
	const json_t *items = json_object_get(pods, "items"), *pod, *worst = NULL;
	size_t i;

	json_array_foreach (items, i, pod) {
		struct readiness r;

		ready_judge_pod(pod, &r);
		if (r.state == READY_YES ||
		    (worst && (ret->state == READY_FAILED || r.state != READY_FAILED)))
			continue;
		worst = pod;
		*ret = r;
	}
	return worst;
}

/* Whether the pod's own status says more than that it waits. */
static bool tells(const json_t *pod, const struct readiness *r)
{
	const char *phase = js_text(pod, "status.phase");

	return strcmp(phase, "Pending") != 0 || !strstr(r->reason, "phase is 'Pending'");
}

static int blame_pod(const struct gate_view *v, const json_t *pod, const struct readiness *why,
		     struct readiness *ret, struct err *err)
{
	const char *node = js_text(pod, "spec.nodeName");
	char words[READY_REASON_MAX], event[READY_REASON_MAX] = "";
	int r = 0;

	if (!tells(pod, why))
		r = newest_event(v, pod, WARNINGS, event, sizeof(event), err);
	(void)snprintf(words, sizeof(words), "pod %.100s%s%.63s: %.300s",
		       js_text(pod, "metadata.name"), *node ? " on " : "", node,
		       event[0] ? event : why->reason);
	add_words(ret, words);
	return r;
}

int gate_blame_object(const struct gate_view *v, const json_t *workload, struct readiness *ret,
		      struct err *err)
{
	const char *namespace = js_text(workload, "metadata.namespace");
	const json_t *labels = js_at(workload, "spec.selector.matchLabels"), *pod;
	cleanup_json json_t *pods = NULL;
	cleanup_free char *path = NULL;
	struct readiness why = { 0 };
	char event[READY_REASON_MAX];
	int r;

	if (json_object_size(labels) == 0)
		return 0;
	path = gate_pods_path(namespace, labels);
	if (!path)
		return err_nomem(err);
	r = gate_get_path(v, path, &pods, &why, err);
	if (r < 0 || !pods)
		return r;
	pod = worst_pod(pods, &why);
	if (pod)
		return blame_pod(v, pod, &why, ret, err);
	if (ready_condition_true(workload, "ReplicaFailure")) {
		add_words(ret, js_text(ready_condition(workload, "ReplicaFailure"), "message"));
		return 0;
	}
	r = newest_event(v, workload, WARNINGS, event, sizeof(event), err);
	if (r >= 0 && event[0])
		add_words(ret, event);
	return r;
}

int gate_blame(const struct gate_view *v, const char *plural, const char *namespace,
	       const char *name, struct readiness *ret, struct err *err)
{
	const char *group = strcmp(plural, "jobs") == 0 ? "batch" : "apps";
	cleanup_json json_t *o = NULL;
	struct readiness why;
	int r = gate_get(v, group, "v1", namespace, plural, name, &o, &why, err);

	if (r < 0)
		return r;
	if (o)
		return gate_blame_object(v, o, ret, err);
	add_words(ret, why.reason);
	return 0;
}

int gate_blame_node(const struct gate_view *v, const char *namespace, const char *node,
		    struct readiness *ret, struct err *err)
{
	cleanup_json json_t *pods = NULL;
	struct readiness why = { 0 };
	const json_t *pod;
	char path[512];
	int r;

	(void)snprintf(path, sizeof(path),
		       "/api/v1/namespaces/%.63s/pods?fieldSelector=spec.nodeName%%3D%.253s",
		       namespace, node);
	r = gate_get_path(v, path, &pods, &why, err);
	if (r < 0 || !pods)
		return r;
	pod = worst_pod(pods, &why);
	return pod ? blame_pod(v, pod, &why, ret, err) : 0;
}

int gate_blame_event(const struct gate_view *v, const json_t *o, struct readiness *ret,
		     struct err *err)
{
	char event[READY_REASON_MAX];
	int r = newest_event(v, o, "", event, sizeof(event), err);

	if (r >= 0 && event[0])
		add_words(ret, event);
	return r;
}
