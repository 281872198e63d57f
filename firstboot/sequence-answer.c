/* What an answer of the server does to an object's state; see sequence-object.h. */
#include "sequence-object-internal.h"

#include "clock.h"
#include "json.h"
#include "ready.h"

#include <string.h>

#define POLL_MIN_MS 100
#define POLL_MAX_MS 5000
#define POLL_SOON_MS 300
#define SOON_TRIES 12	/* three seconds of that */
#define WORK_TRIES 3	/* no controller and no pod is through in 100 ms: begin with 300 */
#define SERVED_MS 10000 /* not in discovery for so long: the CRD itself is asked for its words */
#define STUCK_MS 30000

/* Half as much again each time: to POLL_SOON_MS, there for a while, then to POLL_MAX_MS. */
static uint64_t pause_ms(unsigned int tries)
{
	uint64_t ms = POLL_MIN_MS;

	for (unsigned int i = 0; i < tries && ms < POLL_MAX_MS; i++)
		if (ms < POLL_SOON_MS || i >= SOON_TRIES)
			ms += ms / 2;
	if (tries <= SOON_TRIES && ms > POLL_SOON_MS)
		return POLL_SOON_MS;
	return ms < POLL_MAX_MS ? ms : POLL_MAX_MS;
}

/* Ask again later: soon at first, then more seldom. */
static void later(struct seq_object *x, const char *reason, unsigned int at_least_s)
{
	uint64_t ms = pause_ms(x->tries);

	if (ms < (uint64_t)at_least_s * 1000)
		ms = (uint64_t)at_least_s * 1000;
	x->tries++;
	x->next_ms = clock_ms() + ms;
	if (reason != x->reason)
		(void)snprintf(x->reason, sizeof(x->reason), "%.511s", reason);
}

/* Somebody has to help; looked at again all the same. */
static void stuck(struct seq_object *x, const char *what, const char *message)
{
	(void)snprintf(x->reason, sizeof(x->reason), "%s%.400s", what, message);
	x->stuck = true;
	x->next_ms = clock_ms() + STUCK_MS;
}

/* What proves that a Namespace is really usable; NULL: nothing more. */
static char *probe_path(const struct bundle_object *o)
{
	if (object_is_namespace(o))
		return apply_path("", "v1", o->name, "serviceaccounts", "default");
	return NULL;
}

/* What a webhook that must answer needs: endpoints of its Service. NULL: it has no such one. */
static char *webhook_probe(const struct bundle_object *o, const json_t *live)
{
	const json_t *list = json_object_get(live, "webhooks"), *w;
	char *path = NULL;
	size_t i;

	if (strcmp(o->group, "admissionregistration.k8s.io") != 0)
		return NULL;
	json_array_foreach (list, i, w) {
		const char *name = js_text(w, "clientConfig.service.name");

		if (!*name || strcmp(js_text(w, "failurePolicy"), "Ignore") == 0)
			continue;
		if (asprintf(&path,
			     "/apis/discovery.k8s.io/v1/namespaces/%s/endpointslices?labelSelector="
			     "kubernetes.io%%2Fservice-name%%3D%s",
			     js_text(w, "clientConfig.service.namespace"), name) < 0)
			return NULL;
		return path;
	}
	return NULL;
}

/* It is ready: the end, unless it is a Job whose end is worth a record. */
static int over(struct seq_object *x, enum object_state state, struct journal *j, struct err *err)
{
	int r = 0;

	if (state == OBJECT_GONE ||
	    (x->object->gate == BUNDLE_GATE_GONE_OK && !object_goes_away(x)))
		r = object_is_recorded(x, j, "done") ? 0 : object_record_add(x, j, "done", err);
	if (r >= 0)
		object_move(x, state);
	return r;
}

/* A CRD in its own words; whether it is served is discovery's to say. */
static void judge_crd(struct seq_object *x, const struct readiness *ready)
{
	if (ready->state == READY_FAILED) {
		stuck(x, "", ready->reason);
		return;
	}
	later(x, ready->state == READY_YES ? "not served yet" : ready->reason, 0);
	x->state = OBJECT_SERVED;
	x->next_ms = 0;
}

static int judge(struct seq_object *x, const json_t *live, struct journal *j, struct err *err)
{
	struct readiness ready = { .state = READY_YES };

	(void)snprintf(x->version, sizeof(x->version), "%s",
		       js_text(live, "metadata.resourceVersion"));
	if (*js_text(live, "metadata.deletionTimestamp")) {
		ready_judge(live, &ready);
		later(x, ready.reason, 0);
		return 0;
	}
	if (!object_needs_look(x))
		return over(x, OBJECT_READY, j, err);
	ready_judge(live, &ready);
	if (x->object->crd) {
		judge_crd(x, &ready);
		return 0;
	}
	if (ready.state == READY_YES) {
		free(x->probe);
		x->probe = probe_path(x->object);
		if (!x->probe)
			x->probe = webhook_probe(x->object, live);
		if (!x->probe)
			return over(x, OBJECT_READY, j, err);
		object_move(x, OBJECT_PROBE);
		return 0;
	}
	if (ready.state == READY_WAIT)
		later(x, ready.reason, 0);
	else
		stuck(x, "", ready.reason);
	if (x->state == OBJECT_VERIFY)
		x->state = OBJECT_WAIT;
	return 0;
}

int object_served(struct seq_object *x, const char *version, struct journal *j, bool *ret_moved,
		  struct err *err)
{
	*ret_moved = version != NULL;
	if (version)
		return over(x, OBJECT_READY, j, err);
	if (!x->next_ms)
		x->next_ms = clock_ms() + SERVED_MS;
	if (x->next_ms <= clock_ms())
		x->state = OBJECT_WAIT;
	if (!x->reason[0])
		(void)snprintf(x->reason, sizeof(x->reason), "not served yet");
	return 0;
}

static int on_look(struct seq_object *x, const struct apply_item *it, struct journal *j,
		   struct err *err)
{
	if (it->class == KUBE_OK)
		return judge(x, it->live, j, err);
	if (it->class != KUBE_ABSENT && it->class != KUBE_NO_NAMESPACE &&
	    it->class != KUBE_NOT_SERVED) {
		later(x, it->message, it->retry_after_s);
		return 0;
	}
	if (it->class == KUBE_ABSENT && object_may_be_gone(x->object))
		return over(x, OBJECT_GONE, j, err);
	x->version[0] = '\0';
	x->applied = false;
	x->taken_away = true;
	object_move(x, OBJECT_APPLY);
	return 0;
}

static int on_clear(struct seq_object *x, const struct apply_item *it, struct journal *j,
		    struct err *err)
{
	bool remove = x->state == OBJECT_REMOVE;
	int r;

	if (it->class == KUBE_OK) {
		later(x, "the one before is being deleted", 0);
		return 0;
	}
	if (it->class != KUBE_ABSENT && it->class != KUBE_NO_NAMESPACE &&
	    it->class != KUBE_NOT_SERVED) {
		later(x, it->message, it->retry_after_s);
		return 0;
	}
	if (remove)
		return over(x, OBJECT_GONE, j, err);
	r = object_record_add(x, j, "begun", err);
	if (r >= 0)
		object_move(x, OBJECT_APPLY);
	return r;
}

/* Applied; what has to be seen of it next? A Namespace that is usable is Active. */
static void await(struct seq_object *x)
{
	char *probe = probe_path(x->object);

	free(x->probe);
	x->probe = probe;
	object_move(x, x->object->crd ? OBJECT_SERVED : probe ? OBJECT_PROBE : OBJECT_WAIT);
	if (x->object->crd)
		return;
	x->tries = probe ? 0 : WORK_TRIES;
	later(x, "applied, not looked at yet", 0);
}

static int on_applied(struct seq_object *x, const struct apply_item *it, struct journal *j,
		      struct err *err)
{
	int r;

	switch (it->class) {
	case KUBE_OK:
		if (*js_text(it->live, "metadata.deletionTimestamp")) {
			if (!object_may_be_gone(x->object))
				object_move(x, OBJECT_VERIFY); /* no more writes until it is gone */
			later(x, "it is being deleted", 0);
			return 0;
		}
		r = object_record_add(x, j, "applied", err);
		if (r < 0)
			return r;
		x->applied = true;
		x->taken_away = false;
		if (!object_needs_look(x))
			return over(x, OBJECT_READY, j, err);
		await(x);
		return 0;
	case KUBE_FIELD_CONFLICT:
		stuck(x,
		      "another manager holds some of its fields, nothing is forced: ", it->message);
		return 0;
	case KUBE_IMMUTABLE:
		stuck(x, "it cannot be changed in place: delete it by hand if that is wanted: ",
		      it->message);
		return 0;
	case KUBE_INVALID:
		stuck(x, "refused: ", it->message);
		return 0;
	default:
		later(x, it->message[0] ? it->message : kube_class_to_string(it->class),
		      it->retry_after_s);
		return 0;
	}
}

static int on_probe(struct seq_object *x, const struct apply_item *it, struct journal *j,
		    struct err *err)
{
	char reason[512];
	const char *service = strstr(x->probe, "service-name%3D");
	bool empty = service && it->class == KUBE_OK && !ready_has_endpoint(it->live);

	if (it->class == KUBE_OK && !empty)
		return over(x, OBJECT_READY, j, err);
	if (empty)
		(void)snprintf(reason, sizeof(reason),
			       "its webhook's service %.63s has no ready endpoint",
			       service + strlen("service-name%3D"));
	else
		(void)snprintf(reason, sizeof(reason), "waiting for %s: %.300s", x->probe,
			       it->message[0] ? it->message : kube_class_to_string(it->class));
	later(x, reason, it->retry_after_s);
	return 0;
}

int object_reply(struct seq_object *x, const struct apply_item *it, struct journal *j,
		 bool *ret_moved, struct err *err)
{
	enum object_state before = x->state;
	int r = 0;

	*ret_moved = false;
	if (it->class == KUBE_WRONG_CLUSTER)
		return err_setf(err, -EPERM, "the API server's certificate is not of our CA: %s",
				it->message);
	switch (before) {
	case OBJECT_VERIFY:
	case OBJECT_WAIT:
		r = on_look(x, it, j, err);
		break;
	case OBJECT_CLEAR:
	case OBJECT_REMOVE:
		r = on_clear(x, it, j, err);
		break;
	case OBJECT_APPLY:
		r = on_applied(x, it, j, err);
		break;
	case OBJECT_PROBE:
		r = on_probe(x, it, j, err);
		break;
	case OBJECT_SERVED:
	case OBJECT_READY:
	case OBJECT_GONE:
		break;
	}
	*ret_moved = x->state != before;
	return r;
}
