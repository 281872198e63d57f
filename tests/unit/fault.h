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

#include <stdbool.h>

/* Let n calls pass and fail the next: heap with ENOMEM, all else with EIO. */
void fault_arm(long n);
/* Whether one was failed. */
bool fault_disarm(void);
