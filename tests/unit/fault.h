/*
 * fault - fail the n-th call to the system or the heap, for loops that fail each in turn
 *
 * fault.list names the functions; the linker routes the calls of our own objects (not those
 * inside shared libraries) through fault.c. With 64-bit offsets and _FORTIFY_SOURCE glibc gives
 * them other names (openat64, __read_chk): the list has those too, and a loop asserts how many
 * calls it failed, so that a name that is missing is seen.
 *
 *	for (long n = 0;; n++) {
 *		fault_arm(n);
 *		r = thing();
 *		if (!fault_disarm())
 *			break;
 *		... the state is old or new ...
 *	}
 */
#pragma once

#include "err.h"

#include <stdbool.h>

/* Let n calls pass and fail the next: heap with ENOMEM, all else with EIO. */
void fault_arm(long n);
/* Whether one was failed. */
bool fault_disarm(void);

/*
 * The loop above for @run: fails its call 0, 1, 2 ... (behind 1000 every seventh) until none fails,
 * and returns how many calls it has. A run that none failed must succeed; a failed one must give a
 * negative result with a text, or succeed all the same (@look may forbid that). @look, if any, sees
 * the state after each.
 */
struct fault_result {
	bool failed; /* a call was failed */
	int r;	     /* of @run */
	const struct err *err;
};
long fault_loop(int (*run)(void *arg, struct err *err),
		void (*look)(void *arg, const struct fault_result *result), void *arg);
/* A @look: each failed call fails the run, with what the system said. */
void fault_must_fail(void *arg, const struct fault_result *result);
