/*
 * step - the steps of a node's way from power-on to joined, and the engine that turns them
 *
 * A step is {name, needs, run}. run() looks first whether all is done already (it
 * is idempotent: twice equals once), acts, and proves the effect; it must return
 * within STEP_TURN_MS so that the watchdog is fed, and is called again later.
 *	TURN_DONE   the gate is open; with period_s, looked at again after that time
 *	TURN_WAIT   nothing is wrong, something is awaited: the reason says what
 *	TURN_MORE   work is under way, call again at once
 *	< 0         failed: err says why; tried again after a growing pause, for ever
 * A step runs when all it needs are done. Pauses grow from 1 s to 10 s while it waits, to
 * 30 s while it fails, with jitter, and start anew when the reason changes. The journal gets
 * a line when a step begins, is done, or waits or fails for another reason than before.
 */
#pragma once

#include "err.h"
#include "journal.h"
#include "status-json.h"

#include <stdint.h>

#define STEP_TURN_MS 10000
#define STEP_PAUSE_MAX_MS 30000
#define STEP_WAIT_MAX_MS 10000 /* what is awaited mostly comes soon; others wait for us then */
#define STEPS_MAX 24
#define STEP_REASON_MAX 512

enum turn_result { TURN_DONE = 0, TURN_WAIT = 1, TURN_MORE = 2 };

struct agent;

struct step_turn {
	char reason[STEP_REASON_MAX]; /* what is waited for; also kept beside TURN_DONE */
};
void step_reasonf(struct step_turn *t, const char *fmt, ...) PRINTF_LIKE(2, 3);

struct step {
	const char *name;
	const char *const *needs; /* names, NULL-terminated; NULL: none */
	unsigned int period_s;	  /* after TURN_DONE look again: 0 never in this boot */
	int (*run)(struct agent *a, struct step_turn *turn, struct err *err);
};

struct step_status {
	enum step_state state;
	bool was_done;	      /* done at least once in this boot: others may go on */
	unsigned int attempt; /* of the present state, from 1 */
	unsigned int pause_ms;
	int64_t next_ms; /* monotonic; when to run it again */
	int64_t since_s; /* real time of the present state and reason */
	char reason[STEP_REASON_MAX];
};

struct engine {
	const struct step *steps; /* borrowed; ends with an entry without a name */
	struct step_status status[STEPS_MAX];
	size_t len;
	struct journal *journal; /* borrowed */
	unsigned int seed;	 /* of the jitter */
};

/* -EINVAL: a need that no step has, a cycle, too many steps. */
int engine_init(struct engine *e, const struct step *steps, struct journal *journal,
		struct err *err) MUST_CHECK;
/*
 * Run every step that is due once; *ret_wait_ms is the time until the next is due.
 * Fails only when the journal cannot be written: then nothing more is done.
 */
int engine_turn(struct engine *e, struct agent *a, int64_t now_ms, unsigned int *ret_wait_ms,
		struct err *err) MUST_CHECK;
const struct step_status *engine_status(const struct engine *e, const char *name);
/* All steps were done in this boot and none is failing. */
bool engine_all_done(const struct engine *e);
