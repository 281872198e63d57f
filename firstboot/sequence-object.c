#include "sequence-object-internal.h"

#include "ready.h"

#include <string.h>

#define STEP "object"
#define DIGEST_LEN 32 /* hex digits of the object's digest that the journal keeps */
#define LOST "lost"   /* the record of what went with its Namespace: nothing of before counts */

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

bool object_is_recorded(const struct seq_object *x, const struct journal *j, const char *word)
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
int object_record_add(const struct seq_object *x, struct journal *j, const char *word,
		      struct err *err)
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
	if (object_is_recorded(x, j, "done"))
		x->state = object_goes_away(x) ? OBJECT_GONE : OBJECT_VERIFY;
	else if (object_is_recorded(x, j, "removing"))
		x->state = OBJECT_REMOVE;
	else if (object_is_recorded(x, j, "applied"))
		x->state = OBJECT_VERIFY;
	else if (o->hook && (o->hook->delete &BUNDLE_DELETE_BEFORE) &&
		 !object_is_recorded(x, j, "begun"))
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
	    object_is_recorded(x, j, "begun") || !digest ||
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

void object_move(struct seq_object *x, enum object_state state)
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
		object_move(x, x->object->crd ? OBJECT_SERVED : OBJECT_VERIFY);
}

void object_restart(struct seq_object *x, const struct journal *j)
{
	object_move(x, OBJECT_APPLY);
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
	if (rec && !object_is_recorded(x, j, LOST))
		r = object_record_add(x, j, LOST, err);
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

bool object_needs_look(const struct seq_object *x)
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
		it->verb = object_needs_look(x) ? APPLY_GET : APPLY_GET_META;
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

int object_remove(struct seq_object *x, struct journal *j, struct err *err)
{
	int r = object_record_add(x, j, "removing", err);

	if (r >= 0)
		object_move(x, OBJECT_REMOVE);
	return r;
}

bool object_may_be_gone(const struct bundle_object *o)
{
	bool job = strcmp(o->group, "batch") == 0 && strcmp(o->kind, "Job") == 0;

	return o->gate == BUNDLE_GATE_GONE_OK || (job && o->gate == BUNDLE_GATE_NONE);
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
	if (!it->live && x->state == OBJECT_VERIFY && object_may_be_gone(x->object))
		return NULL;
	if (!it->live)
		return "not there: to be applied";
	return x->state == OBJECT_APPLY ? "to be applied: not yet from us, or another text" : NULL;
}
