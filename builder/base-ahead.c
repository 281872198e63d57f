#include "base-ahead.h"
#include "base.h"
#include "board.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

_Noreturn static void child(const struct cluster *c, const char *name, unsigned int flags,
			    pid_t parent)
{
	cleanup_board struct board *b = NULL;
	struct base_root root = { 0 };
	struct err ignored = { 0 };
	int r;

	/* SIGTERM: lib/owned removes what is half-made */
	(void)prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (getppid() != parent)
		_exit(EXIT_FAILURE);
	r = board_load(name, &b, &ignored);
	if (r >= 0)
		r = base_root_get(c, b, flags, &root, &ignored);
	_exit(r < 0 ? EXIT_FAILURE : EXIT_SUCCESS);
}

void base_ahead_start(struct base_ahead *a, const struct cluster *c, const char *board,
		      unsigned int flags)
{
	pid_t parent = getpid(), pid;

	if (a->len == BASE_AHEAD_MAX)
		return;
	(void)fflush(NULL);
	pid = fork();
	if (pid == 0)
		child(c, board, flags, parent);
	if (pid > 0)
		a->pids[a->len++] = pid;
}

void base_ahead_done(struct base_ahead *a)
{
	int saved = errno;

	for (size_t i = 0; i < a->len; i++)
		(void)kill(a->pids[i], SIGTERM);
	for (size_t i = 0; i < a->len; i++)
		while (waitpid(a->pids[i], NULL, 0) < 0 && errno == EINTR)
			;
	a->len = 0;
	errno = saved;
}
