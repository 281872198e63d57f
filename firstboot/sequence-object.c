#include "sequence-object.h"

#include "clock.h"
#include "json.h"
#include "ready.h"

#include <string.h>

#define STEP "object"
#define DIGEST_LEN 32 /* hex digits of the object's digest that the journal keeps */
#define POLL_MIN_MS 100
#define POLL_MAX_MS 5000
#define WORK_TRIES 2 /* no controller and no pod is through in 100 ms: begin four times as late */
#define SERVED_MS 10000 /* not in discovery for so long: the CRD itself is asked for its words */
#define STUCK_MS 30000
#define LOST "lost" /* the record of what went with its Namespace: nothing of before counts */

static const char *text_at(const json_t *o, const char *path)
{
	const char *s = json_string_value(js_at(o, path));

	return s ? s : "";
}

char *object_key(const char *group, const char *kind, const char *namespace, const char *name)
{
	char *key = NULL;

	if (asprintf(&key, "%s/%s/%s/%s", group, kind, namespace ? namespace : "", name) < 0)
		return NULL;
	for (char *p = key; *p; p++) /* RBAC names may hold blanks; the journal's may not */
		if ((unsigned char)*p <= ' ')
			*p = '_';
	return key;
}

/* Is the newest record of this object "<word> <its digest>"? */
static bool recorded(const struct seq_object *x, const struct journal *j, const char *word)
{
	const struct journal_record *rec = journal_last(j, STEP, x->key, NULL);
	size_t len = strlen(word);

	return rec && strncmp(rec->detail, word, len) == 0 && rec->detail[len] == ' ' &&
	       strncmp(rec->detail + len + 1, x->object->sha256, DIGEST_LEN) == 0;
}

bool object_was_applied(const struct journal *j, const char *key)
{
	const struct journal_record *rec = journal_last(j, STEP, key, NULL);

	return rec && strncmp(rec->detail, "begun ", 6) != 0 &&
	       strncmp(rec->detail, LOST " ", strlen(LOST) + 1) != 0;
}

bool object_is_namespace(const struct bundle_object *o)
{
	return strcmp(o->kind, "Namespace") == 0 && !*o->group;
}

/* Only that it is applied may be forgotten: applying it once more has no effect. What is lost is
 * synced by who says so, many at a time. */
static int record(const struct seq_object *x, struct journal *j, const char *word, struct err *err)
{
	char detail[64];

	(void)snprintf(detail, sizeof(detail), "%s %.*s", word, DIGEST_LEN, x->object->sha256);
	if (strcmp(word, "applied") == 0 || strcmp(word, LOST) == 0)
		return journal_note(j, STEP, x->key, detail, err);
	return journal_add(j, STEP, x->key, detail, err);
}

const char *object_record(const struct seq_object *x, const struct journal *j)
{
	const struct journal_record *rec = journal_last(j, STEP, x->key, NULL);

	return rec ? rec->detail : NULL;
}

static void set_state(struct seq_object *x, const struct journal *j)
{
	const struct bundle_object *o = x->object;

	x->state = OBJECT_APPLY;
	if (recorded(x, j, "done"))
		x->state = object_goes_away(x) ? OBJECT_GONE : OBJECT_VERIFY;
	else if (recorded(x, j, "removing"))
		x->state = OBJECT_REMOVE;
	else if (recorded(x, j, "applied"))
		x->state = OBJECT_VERIFY;
	else if (o->hook && (o->hook->delete &BUNDLE_DELETE_BEFORE) && !recorded(x, j, "begun"))
		x->state = OBJECT_CLEAR;
	if (o->crd && x->state == OBJECT_VERIFY)
		x->state = OBJECT_SERVED;
	x->applied = x->state != OBJECT_APPLY && x->state != OBJECT_CLEAR;
}

int object_init(struct seq_object *x, const struct bundle_object *o, const struct journal *j,
		struct err *err)
{
	*x = (struct seq_object){ .object = o };
	x->key = object_key(o->group, o->kind, o->namespace, o->name);
	if (!x->key)
		return err_nomem(err);
	set_state(x, j);
	return 0;
}

int object_adopt(struct seq_object *x, const char *record, struct journal *j, struct err *err)
{
	const char *digest = strchr(record, ' ');
	int r;

	if (x->asked || (x->state != OBJECT_APPLY && x->state != OBJECT_CLEAR) ||
	    recorded(x, j, "begun") || !digest ||
	    strncmp(digest + 1, x->object->sha256, DIGEST_LEN) != 0)
		return 0;
	r = journal_add(j, STEP, x->key, record, err);
	x->taken_away = false;
	if (r >= 0)
		set_state(x, j);
	return r;
}

void object_done(struct seq_object *x)
{
	free(x->key);
	free(x->probe);
	*x = (struct seq_object){ 0 };
}

static void move(struct seq_object *x, enum object_state state)
{
	x->state = state;
	x->tries = 0;
	x->next_ms = 0;
	x->stuck = false;
	x->reason[0] = '\0';
}

void object_doubt(struct seq_object *x)
{
	if (x->state == OBJECT_READY && !x->asked)
		move(x, x->object->crd ? OBJECT_SERVED : OBJECT_VERIFY);
}

void object_restart(struct seq_object *x, const struct journal *j)
{
	move(x, OBJECT_APPLY);
	x->version[0] = '\0';
	x->taken_away = x->lost = false;
	set_state(x, j);
}

int object_lose(struct seq_object *x, struct journal *j, struct err *err)
{
	const char *rec = object_record(x, j);
	int r = 0;

	x->lost = x->asked;
	if (x->asked)
		return 0;
	if (rec && !recorded(x, j, LOST))
		r = record(x, j, LOST, err);
	if (r >= 0)
		object_restart(x, j);
	return r;
}

bool object_is_over(const struct seq_object *x)
{
	return x->state == OBJECT_READY || x->state == OBJECT_GONE;
}

bool object_goes_away(const struct seq_object *x)
{
	return x->object->hook && (x->object->hook->delete &BUNDLE_DELETE_SUCCEEDED);
}

/* Does its readiness need more than that it is there? */
static bool needs_look(const struct seq_object *x)
{
	/* a hook's end is waited for, whatever gate covers it: what comes after relies on it */
	if (x->object->hook && strcmp(x->object->kind, "Job") == 0)
		return true;
	return x->object->gate != BUNDLE_GATE_NONE &&
	       !ready_when_present(x->object->group, x->object->kind);
}

void object_next(struct seq_object *x, struct apply_item *it)
{
	it->object = x->object;
	it->user = x;
	switch (x->state) {
	case OBJECT_VERIFY:
		it->verb = needs_look(x) ? APPLY_GET : APPLY_GET_META;
		break;
	case OBJECT_CLEAR: /* a DELETE, asked until the answer is that it is absent */
	case OBJECT_REMOVE:
		it->verb = APPLY_DELETE;
		break;
	case OBJECT_APPLY:
		it->verb = APPLY_PATCH;
		it->version = x->version[0] ? x->version : NULL;
		break;
	case OBJECT_PROBE:
		it->verb = APPLY_GET; /* a list has no metadata of its own to ask for */
		it->path = x->probe;
		break;
	case OBJECT_WAIT:
	case OBJECT_SERVED:
	case OBJECT_READY:
	case OBJECT_GONE:
		it->verb = APPLY_GET;
		break;
	}
}

bool object_writes(const struct seq_object *x)
{
	return x->state == OBJECT_APPLY || x->state == OBJECT_CLEAR || x->state == OBJECT_REMOVE;
}

/* Ask again later: soon at first, then more seldom. */
static void later(struct seq_object *x, const char *reason, unsigned int at_least_s)
{
	uint64_t ms = POLL_MIN_MS << (x->tries < 5 ? x->tries : 5);

	if (ms > POLL_MAX_MS)
		ms = POLL_MAX_MS;
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

int object_remove(struct seq_object *x, struct journal *j, struct err *err)
{
	int r = record(x, j, "removing", err);

	if (r >= 0)
		move(x, OBJECT_REMOVE);
	return r;
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
		const char *name = text_at(w, "clientConfig.service.name");

		if (!*name || strcmp(text_at(w, "failurePolicy"), "Ignore") == 0)
			continue;
		if (asprintf(&path,
			     "/apis/discovery.k8s.io/v1/namespaces/%s/endpointslices?labelSelector="
			     "kubernetes.io%%2Fservice-name%%3D%s",
			     text_at(w, "clientConfig.service.namespace"), name) < 0)
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
		r = recorded(x, j, "done") ? 0 : record(x, j, "done", err);
	if (r >= 0)
		move(x, state);
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
		       text_at(live, "metadata.resourceVersion"));
	if (*text_at(live, "metadata.deletionTimestamp")) {
		ready_judge(live, &ready);
		later(x, ready.reason, 0);
		return 0;
	}
	if (!needs_look(x))
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
		move(x, OBJECT_PROBE);
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

/*
 * Was there and is gone: done? A Job that has a TTL is; one that a gate covers (gate "none")
 * may have one. Another Job is made again, as any object.
 */
static bool may_be_gone(const struct bundle_object *o)
{
	bool job = strcmp(o->group, "batch") == 0 && strcmp(o->kind, "Job") == 0;

	return o->gate == BUNDLE_GATE_GONE_OK || (job && o->gate == BUNDLE_GATE_NONE);
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
	if (it->class == KUBE_ABSENT && may_be_gone(x->object))
		return over(x, OBJECT_GONE, j, err);
	x->version[0] = '\0';
	x->applied = false;
	x->taken_away = true;
	move(x, OBJECT_APPLY);
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
	r = record(x, j, "begun", err);
	if (r >= 0)
		move(x, OBJECT_APPLY);
	return r;
}

/* Applied; what has to be seen of it next? A Namespace that is usable is Active. */
static void await(struct seq_object *x)
{
	char *probe = probe_path(x->object);

	free(x->probe);
	x->probe = probe;
	move(x, x->object->crd ? OBJECT_SERVED : probe ? OBJECT_PROBE : OBJECT_WAIT);
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
		if (*text_at(it->live, "metadata.deletionTimestamp")) {
			if (!may_be_gone(x->object))
				move(x, OBJECT_VERIFY); /* no more writes until it is gone */
			later(x, "it is being deleted", 0);
			return 0;
		}
		r = record(x, j, "applied", err);
		if (r < 0)
			return r;
		x->applied = true;
		x->taken_away = false;
		if (!needs_look(x))
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

const char *object_left(const struct seq_object *x, const struct apply_item *it)
{
	if (it->class != KUBE_OK && it->class != KUBE_ABSENT && it->class != KUBE_NO_NAMESPACE &&
	    it->class != KUBE_NOT_SERVED)
		return it->message[0] ? it->message : "no answer";
	if (x->state == OBJECT_REMOVE)
		return it->live ? "its hook is over: to be deleted" : NULL;
	if (x->state == OBJECT_CLEAR)
		return "a hook: to be made anew";
	if (!it->live && x->state == OBJECT_VERIFY && may_be_gone(x->object))
		return NULL;
	if (!it->live)
		return "not there: to be applied";
	return x->state == OBJECT_APPLY ? "to be applied: not yet from us, or another text" : NULL;
}
