/*
 * say - what kiln-init tells: to the kernel's log, and so to every console
 *
 * Lines start "kiln-init: ". SAY_ERROR is shown on all consoles also with `quiet` on the
 * command line. All lines are kept (the last 64 KiB) and written to /run/kiln/init.log.
 * Before /proc and /dev are mounted, lines go to stderr.
 */
#pragma once

#include "err.h"

enum say_level { SAY_ERROR = 3, SAY_NOTE = 5, SAY_INFO = 6 }; /* the kernel's numbers */

void say_open(void);  /* once /dev and /proc are there */
void say_close(void); /* gives the kernel's limit of lines back */
void sayf(enum say_level level, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* A text of several lines, each as its own. */
void say_lines(enum say_level level, const char *text);
const char *say_log(void);
