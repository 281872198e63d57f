/*
 * err - the text of a failure, beside the negative errno that a function returns
 *
 * A function that fails fills its last parameter `struct err *err` at the point
 * of failure and returns the same negative errno; on success it leaves err
 * alone. Callers add context outward: "board 'rpi5': board.yaml:12:5: …".
 * The text is inline, so that reporting needs no memory; what does not fit is
 * cut at the end. Messages have no newline at their end and name objects in
 * single quotes.
 *
 *	r = file_read_at(dir_fd, "x", MAX, &text, &len, err);
 *	if (r < 0)
 *		return err_wrapf(err, r, "board '%s'", name);
 */
#pragma once

#include "macros.h"

#define ERR_TEXT_MAX 4096

struct err {
	int code;		/* negative errno, 0: nothing failed yet */
	char msg[ERR_TEXT_MAX]; /* UTF-8, always terminated */
};

/* Set the text; returns r (a negative errno), so that it can be returned. */
int err_setf(struct err *err, int r, const char *fmt, ...) PRINTF_LIKE(3, 4);
/* Set the text followed by ": " and strerror(-r). */
int err_errnof(struct err *err, int r, const char *fmt, ...) PRINTF_LIKE(3, 4);
/* Put "context: " before the text that is there. */
int err_wrapf(struct err *err, int r, const char *fmt, ...) PRINTF_LIKE(3, 4);
void err_clear(struct err *err);
/* A plain -ENOMEM with its text. */
int err_nomem(struct err *err);
