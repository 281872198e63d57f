#include "step.h"

#include "log.h"

#include <stdarg.h>
#include <string.h>
#include <time.h>

#define PAUSE_MIN_MS 1000

void step_reasonf(struct step_turn *t, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(t->reason, sizeof(t->reason), fmt, ap);
	va_end(ap);
}

static int find(const struct engine *e, const char *name)
{
	for (size_t i = 0; i < e->len; i++)
		if (strcmp(e->steps[i].name, name) == 0)
			return (int)i;
	return -1;
}

/* A need must stand before the step that has it: so no cycle can be. */
static int check_needs(const struct engine *e, struct err *err)
{
	for (size_t i = 0; i < e->len; i++) {
		for (const char *const *n = e->steps[i].needs; n && *n; n++) {
			int k = find(e, *n);

			if (k < 0 || (size_t)k >= i)
				return err_setf(
					err, -EINVAL,
					"step '%s' needs '%s', which does not stand before it",
					e->steps[i].name, *n);
		}
	}
	return 0;
}

int engine_init(struct engine *e, const struct step *steps, struct journal *journal,
		struct err *err)
{
	*e = (struct engine){ .steps = steps, .journal = journal, .seed = (unsigned int)getpid() };
	while (steps[e->len].name) {
		if (e->len == STEPS_MAX)
			return err_setf(err, -EINVAL, "more than %d steps", STEPS_MAX);
		e->len++;
	}
	return check_needs(e, err);
}

static bool needs_met(const struct engine *e, const struct step *s)
{
	for (const char *const *n = s->needs; n && *n; n++)
		if (!e->status[find(e, *n)].was_done)
			return false;
	return true;
}

/* Three quarters to five quarters of ms, so that nodes do not ask in step. */
static unsigned int jitter(struct engine *e, unsigned int ms)
{
	return ms - ms / 4 + (unsigned int)rand_r(&e->seed) % (ms / 2 + 1);
}

static unsigned int grow(unsigned int pause_ms, unsigned int max_ms)
{
	if (pause_ms == 0)
		return PAUSE_MIN_MS;
	return pause_ms * 2 > max_ms ? max_ms : pause_ms * 2;
}

static const char *event_of(enum step_state s)
{
	switch (s) {
	case STEP_DONE:
		return "done";
	case STEP_WAITING:
		return "wait";
	case STEP_FAILED:
		return "failed";
	default:
		return "begin";
	}
}

/* Set the state; a line in the journal when it, or its reason, is another than before. */
static int enter(struct engine *e, size_t i, enum step_state state, const char *reason,
		 struct err *err)
{
	struct step_status *st = &e->status[i];
	bool changed = st->state != state;

	/* what is kept of a reason is cut at the end: compare no more than that */
	if (!changed && strncmp(st->reason, reason, sizeof(st->reason) - 1) == 0) {
		st->attempt++;
		return 0;
	}
	st->state = state;
	st->attempt = 1;
	st->pause_ms = 0;
	st->since_s = time(NULL);
	(void)snprintf(st->reason, sizeof(st->reason), "%s", reason);
	if (!changed && state == STEP_RUNNING) /* progress is for the status, not the journal */
		return 0;
	log_debugf("%s: %s %s", e->steps[i].name, step_state_to_string(state), reason);
	return journal_add(e->journal, e->steps[i].name, event_of(state), reason, err);
}

static int run_step(struct engine *e, size_t i, struct agent *a, int64_t now_ms, struct err *err)
{
	const struct step *s = &e->steps[i];
	struct step_status *st = &e->status[i];
	struct step_turn turn = { 0 };
	struct err failure = { 0 };
	bool failed;
	int r;

	if (st->state == STEP_PENDING) {
		r = enter(e, i, STEP_RUNNING, "", err);
		if (r < 0)
			return r;
	}
	r = s->run(a, &turn, &failure);
	if (r == TURN_MORE) {
		st->next_ms = now_ms;
		return enter(e, i, STEP_RUNNING, turn.reason, err);
	}
	if (r == TURN_DONE) {
		st->was_done = true;
		st->next_ms = s->period_s ? now_ms + (int64_t)s->period_s * 1000 : INT64_MAX;
		return enter(e, i, STEP_DONE, turn.reason, err);
	}
	if (r < 0 && !failure.msg[0])
		(void)err_errnof(&failure, r, "failed");
	failed = r < 0;
	r = enter(e, i, failed ? STEP_FAILED : STEP_WAITING, failed ? failure.msg : turn.reason,
		  err);
	st->pause_ms = grow(st->pause_ms, failed ? STEP_PAUSE_MAX_MS : STEP_WAIT_MAX_MS);
	st->next_ms = now_ms + jitter(e, st->pause_ms);
	return r;
}

int engine_turn(struct engine *e, struct agent *a, int64_t now_ms, unsigned int *ret_wait_ms,
		struct err *err)
{
	int64_t next = now_ms + STEP_PAUSE_MAX_MS;

	for (size_t i = 0; i < e->len; i++) {
		struct step_status *st = &e->status[i];

		if (needs_met(e, &e->steps[i]) && st->next_ms <= now_ms) {
			int r = run_step(e, i, a, now_ms, err);

			if (r < 0)
				return r;
		}
		if (needs_met(e, &e->steps[i]) && st->next_ms < next)
			next = st->next_ms;
	}
	*ret_wait_ms = next > now_ms ? (unsigned int)(next - now_ms) : 0;
	return 0;
}

const struct step_status *engine_status(const struct engine *e, const char *name)
{
	int i = find(e, name);

	return i < 0 ? NULL : &e->status[i];
}

bool engine_all_done(const struct engine *e)
{
	for (size_t i = 0; i < e->len; i++)
		if (e->status[i].state != STEP_DONE && e->status[i].state != STEP_RUNNING)
			return false;
		else if (!e->status[i].was_done)
			return false;
	return true;
}
