/*
 * owned - what must not outlive this program: temporary files and child processes
 *
 * A registry that a signal handler can read. On SIGINT, SIGTERM and SIGHUP, and
 * at exit, every registered process group is killed and every registered path
 * removed (a folder with all in it), then the signal takes its usual effect.
 * Children that fork() made share nothing of it: only the process that
 * registered something cleans it up. Users are tempfile.c and spawn.c.
 */
#pragma once

#include "macros.h"

#include <stdbool.h>
#include <sys/types.h>

struct owned;

/* Take note of a path (absolute; copied) or of a process group. -ENOMEM, -EMFILE. */
int owned_add_path(const char *path, struct owned **ret) MUST_CHECK;
int owned_add_group(pid_t pgid, struct owned **ret) MUST_CHECK;
/*
 * Forget it; what it names is left alone. False: the signal handler has it already
 * and will end the program. NULL is accepted (false).
 */
bool owned_drop(struct owned *o);
/* Remove the path or kill the group now, then forget it. NULL is accepted. */
void owned_finish(struct owned *o);
