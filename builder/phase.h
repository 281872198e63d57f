/*
 * phase - tell a person what long work is doing, and how long each part took
 *
 *	rpi5: base root ...                     on a terminal, replaced by
 *	rpi5: base root                 32.1 s
 *
 * In a pipe only the finished lines appear. phases_report() prints the sums at the end.
 * Ownership: phases own their names; phases_done() accepts a zeroed struct. Nothing is
 * printed when out is NULL.
 */
#pragma once

#include "macros.h"

#include <stdbool.h>

#define PHASES_MAX 128

struct phases {
	FILE *out; /* borrowed; NULL: silent */
	bool terminal;
	struct {
		char name[96];
		double seconds;
		char note[64]; /* "cached"; "" */
	} items[PHASES_MAX];
	size_t len;
	bool open;
	double started, first; /* monotonic seconds */
};

void phases_init(struct phases *p, FILE *out);
void phase_begin(struct phases *p, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* Ends the open phase; @note may be NULL. */
void phase_end(struct phases *p, const char *note);
void phases_report(const struct phases *p);
/* A failure: ends the line of the open phase without a time. */
void phases_abort(struct phases *p);
