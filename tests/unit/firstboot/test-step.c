#include "step.h"
#include "fault.h"
#include "test.h"

#include <fcntl.h>

struct agent {
	int calls[3];
	int answer[3];
	const char *text;
};

static int one(struct agent *a, int i, struct step_turn *turn, struct err *err)
{
	a->calls[i]++;
	if (a->answer[i] < 0)
		return err_setf(err, a->answer[i], "%s", a->text);
	step_reasonf(turn, "%s", a->text ? a->text : "");
	return a->answer[i];
}
static int run_a(struct agent *a, struct step_turn *t, struct err *err)
{
	return one(a, 0, t, err);
}
static int run_b(struct agent *a, struct step_turn *t, struct err *err)
{
	return one(a, 1, t, err);
}
static int run_c(struct agent *a, struct step_turn *t, struct err *err)
{
	return one(a, 2, t, err);
}

static const char *const needs_a[] = { "a", NULL };
static const char *const needs_none_there[] = { "z", NULL };

static const struct step steps[] = {
	{ "a", NULL, 0, run_a },
	{ "b", needs_a, 0, run_b },
	{ "c", NULL, 60, run_c },
	{ 0 },
};

static struct journal *journal;
static struct engine engine;

static void start(void)
{
	struct err err = { 0 };

	ASSERT_OK(journal_open(AT_FDCWD, "journal", &journal, &err), &err);
	ASSERT_OK(engine_init(&engine, steps, journal, &err), &err);
}

static void turn(struct agent *a, int64_t now_ms)
{
	struct err err = { 0 };
	unsigned int wait;

	ASSERT_OK(engine_turn(&engine, a, now_ms, &wait, &err), &err);
}

TEST(step_waits_for_its_needs_and_runs_once_when_done)
{
	struct agent a = { .answer = { TURN_WAIT, TURN_DONE, TURN_DONE }, .text = "the cable" };

	start();
	turn(&a, 0);
	ASSERT_EQ(a.calls[0], 1);
	ASSERT_EQ(a.calls[1], 0);
	ASSERT_EQ(engine_status(&engine, "a")->state, STEP_WAITING);
	ASSERT_STR(engine_status(&engine, "a")->reason, "the cable");
	a.answer[0] = TURN_DONE;
	turn(&a, 100); /* too early: the pause is at least 750 ms */
	ASSERT_EQ(a.calls[0], 1);
	turn(&a, 1300);
	ASSERT_EQ(a.calls[0], 2);
	ASSERT_EQ(a.calls[1], 1);
	turn(&a, 9000);
	ASSERT_EQ(a.calls[0], 2);
	ASSERT(engine_all_done(&engine));
}

TEST(step_with_a_period_is_looked_at_again)
{
	struct agent a = { 0 };

	start();
	turn(&a, 0);
	turn(&a, 59000);
	ASSERT_EQ(a.calls[2], 1);
	turn(&a, 60000);
	ASSERT_EQ(a.calls[2], 2);
	ASSERT_EQ(a.calls[0], 1);
}

TEST(step_pauses_grow_to_thirty_seconds_and_start_anew_with_a_new_reason)
{
	struct agent a = { .answer = { -EIO, 0, 0 }, .text = "first" };
	int64_t now = 0, last = 0;

	start();
	for (int i = 0; i < 8; i++) {
		turn(&a, now);
		last = engine_status(&engine, "a")->next_ms - now;
		now += last;
	}
	ASSERT(last >= 22500 && last <= 37500);
	ASSERT_EQ(engine_status(&engine, "a")->attempt, 8);
	a.text = "second";
	turn(&a, now);
	ASSERT(engine_status(&engine, "a")->next_ms - now <= 1250);
	ASSERT_EQ(engine_status(&engine, "a")->attempt, 1);
}

TEST(step_that_waits_is_looked_at_every_ten_seconds)
{
	struct agent a = { .answer = { TURN_WAIT, 0, 0 }, .text = "the other node" };
	int64_t now = 0, last = 0;

	start();
	for (int i = 0; i < 8; i++) {
		turn(&a, now);
		last = engine_status(&engine, "a")->next_ms - now;
		now += last;
	}
	ASSERT(last >= 7500 && last <= 12500);
}

TEST(step_journal_has_one_line_for_each_change)
{
	struct agent a = { .answer = { -EIO, 0, 0 }, .text = "broken" };

	start();
	for (int64_t now = 0; now < 50000; now += 40000)
		turn(&a, now);
	a.answer[0] = TURN_DONE;
	a.text = "fine";
	turn(&a, 100000);
	ASSERT(journal_last(journal, "a", "failed", "broken") != NULL);
	ASSERT(journal_last(journal, "a", "done", "fine") != NULL);
	/* a: begin, failed, done; b: begin, done; c: begin, done, and done anew with another text
	 */
	ASSERT_EQ(journal_len(journal), 8);
}

TEST(step_table_with_an_unknown_need_is_refused)
{
	static const struct step bad[] = { { "a", needs_none_there, 0, run_a }, { 0 } };
	struct err err = { 0 };
	struct engine e;

	ASSERT_EQ(engine_init(&e, bad, NULL, &err), -EINVAL);
	ASSERT_STR(err.msg, "step 'a' needs 'z', which does not stand before it");
}

/* A turn with each call failing: it fails with a reason or it is done, and the next one ends well.
 */
TEST(step_turn_goes_on_after_every_failed_call)
{
	long n = 0;

	for (;; n++) {
		struct agent a = { .text = "fine" };
		struct err err = { 0 };
		unsigned int wait;
		int r;

		(void)unlink("journal");
		start();
		fault_arm(n);
		r = engine_turn(&engine, &a, 0, &wait, &err);
		if (!fault_disarm()) {
			ASSERT_OK(r, &err);
			break;
		}
		ASSERT(r >= 0 || err.msg[0]);
		journal_free(journal); /* systemd starts the agent again */
		start();
		turn(&a, 0);
		ASSERT(engine_all_done(&engine));
		ASSERT(journal_last(journal, "b", "done", "fine") != NULL);
		journal_free(journal);
	}
	ASSERT(n >= 20);
}
