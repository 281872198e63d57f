/*
 * spawn - run a program: argv, environment, stdio, deadline, full result
 *
 * argv is a list, never a shell line. The child gets its own process group,
 * which is killed when the deadline passes, on SIGINT/SIGTERM to us and when
 * the child has ended but left others behind. Deadlines are milliseconds on the
 * monotonic clock. stderr's last lines go into err when the child fails.
 * Ownership: struct spawn borrows all inputs; out is owned by it: spawn_done().
 * Errors: a negative errno when it did not start (err: "cannot run 'x': ...");
 * -ECHILD when it failed ("'x' exited with status 3: ...", "'x' was killed by
 * signal 9 (Killed)"); -ETIMEDOUT; -EFBIG: more output than asked for.
 *
 *	cleanup_spawn struct spawn s = {
 *		.argv = (const char *const[]){ "mkfs.vfat", "-F", "32", path, NULL },
 *		.timeout_ms = 60000,
 *	};
 *	r = spawn_run(&s, err);
 */
#pragma once

#include "err.h"

#include <sys/types.h>

enum spawn_flags {
	SPAWN_ANY_STATUS = 1 << 0, /* an exit status other than 0 is a result, not an error */
	SPAWN_TTY = 1 << 1,	   /* stays in our group, keeps our stdin and stderr: may ask */
	SPAWN_SECRET = 1 << 2, /* argv is not logged, stderr is not put into err, out is wiped */
	SPAWN_INHERIT_STDOUT = 1 << 3, /* stdout is ours */
	SPAWN_INHERIT_STDERR = 1 << 4, /* stderr is ours too: no tail in err */
};

struct spawn {
	const char *const *argv;    /* argv[0] is looked up in PATH; NULL-terminated */
	const char *const *env;	    /* the whole environment; NULL: ours */
	const char *const *env_add; /* "K=V" on top of either; NULL: none */
	const char *dir;	    /* working directory; NULL: ours */
	const void *input;	    /* stdin's contents; NULL: /dev/null or stdin_fd */
	size_t input_len;
	int stdin_fd;	/* > 0: the child's stdin; borrowed */
	int stdout_fd;	/* > 0: the child's stdout; borrowed */
	size_t out_max; /* > 0: capture stdout, at most so much */
	/* Called with pieces of stdout as they come, instead of a capture; negative ends the child.
	 */
	int (*out_fn)(void *arg, const char *data, size_t len);
	/* Called with pieces of stderr as they come, beside the tail kept for err. */
	int (*err_fn)(void *arg, const char *data, size_t len);
	void *arg;
	uint64_t timeout_ms; /* 0: none */
	unsigned int flags;  /* enum spawn_flags */

	/* results */
	char *out; /* owned; NUL-terminated; set when out_max > 0 */
	size_t out_len;
	int exit_status; /* -1: did not exit by itself */
	int term_signal; /* 0: none */
};

int spawn_run(struct spawn *s, struct err *err) MUST_CHECK;
void spawn_done(struct spawn *s);
#define cleanup_spawn CLEANUP(spawn_done)

/*
 * A child that runs beside us (dnsmasq, QEMU). Only argv, env, env_add, dir, stdin_fd,
 * stdout_fd, flags of @s count; stderr goes to stderr_fd (0: ours), stdout without a
 * stdout_fd to /dev/null.
 */
struct child {
	char *name; /* owned; argv[0] */
	pid_t pid;  /* 0: reaped */
	int pidfd;  /* readable when it has ended: poll it; -EBADF when reaped */
	struct owned *owned;
	int exit_status, term_signal;
};
int child_start(const struct spawn *s, int stderr_fd, struct child *ret,
		struct err *err) MUST_CHECK;
/* 1: ended and reaped, exit_status and term_signal are set; 0: still running at the deadline. */
int child_wait(struct child *c, uint64_t timeout_ms, struct err *err) MUST_CHECK;
/* SIGTERM to its group, and SIGKILL when it has not ended after grace_ms; reaped afterwards. */
void child_stop(struct child *c, uint64_t grace_ms);
/* Kills what still runs. Accepts a zeroed struct. */
void child_done(struct child *c);
#define cleanup_child CLEANUP(child_done)

/* Whether a program is in PATH (or is an executable path). ret (may be NULL) is owned by the
 * caller. */
int spawn_find(const char *name, char **ret, struct err *err) MUST_CHECK;
