#include "spawn-child.h"

#include "clock.h"
#include "file.h"
#include "log.h"
#include "owned.h"

#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>

static bool same_key(const char *a, const char *b)
{
	size_t len = strcspn(a, "=");

	return strncmp(a, b, len) == 0 && b[len] == '=';
}

/* @base with @add on top; pointers are borrowed, the list is the caller's. */
static char **merge_env(const char *const *base, const char *const *add)
{
	size_t n = 0, m = 0, len = 0;
	const char **list;

	while (base[n])
		n++;
	while (add && add[m])
		m++;
	list = calloc(n + m + 1, sizeof(*list));
	if (!list)
		return NULL;
	for (size_t i = 0; i < n; i++) {
		bool replaced = false;

		for (size_t k = 0; k < m; k++)
			replaced |= same_key(add[k], base[i]);
		if (!replaced)
			list[len++] = base[i];
	}
	for (size_t k = 0; k < m; k++)
		list[len++] = add[k];
	return (char **)list;
}

static int executable(const char *path)
{
	struct stat st;

	if (stat(path, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EACCES;
	return access(path, X_OK) < 0 ? -errno : 0;
}

int spawn_find(const char *name, char **ret, struct err *err)
{
	const char *dirs = getenv("PATH");
	char path[PATH_MAX];
	int r = -ENOENT;

	if (strchr(name, '/')) {
		r = executable(name);
		if (r < 0)
			return err_errnof(err, r, "cannot run '%s'", name);
		(void)snprintf(path, sizeof(path), "%s", name);
	} else {
		/* sbin too: mkfs and sfdisk live there, outside of an ordinary user's PATH */
		char all[PATH_MAX];

		(void)snprintf(all, sizeof(all), "%s:/usr/sbin:/sbin",
			       dirs && *dirs ? dirs : "/usr/bin:/bin");
		for (const char *p = all; r < 0; p++) {
			size_t len = strcspn(p, ":");

			(void)snprintf(path, sizeof(path), "%.*s/%s", (int)len, p, name);
			if (len > 0 && executable(path) >= 0)
				r = 0;
			p += len;
			if (!*p)
				break;
		}
		if (r < 0)
			return err_setf(err, r, "cannot find the program '%s'", name);
	}
	if (ret) {
		*ret = strdup(path);
		if (!*ret)
			return err_nomem(err);
	}
	return 0;
}

static int use_fd(int fd, int as)
{
	cleanup_close int null = -EBADF;

	if (fd < 0) {
		null = open("/dev/null", O_RDWR | O_CLOEXEC);
		if (null < 0)
			return -errno;
		fd = null == as ? TAKE_FD(null) : null;
	}
	if (fd == as) /* dup2 would leave close-on-exec on */
		return neg_errno(fcntl(fd, F_SETFD, 0));
	return neg_errno(dup2(fd, as));
}

struct launch {
	const struct spawn *s;
	const struct child_stdio *io;
	const char *program;
	char **env;
	pid_t parent;
	int report_fd;
};

/* In the child, between fork and exec: async-signal-safe calls alone. */
static _Noreturn void become(const struct launch *l)
{
	struct sigaction dfl = { .sa_handler = SIG_DFL };
	sigset_t none;
	int r, io[3] = { l->io->in, l->io->out, l->io->err };

	for (int sig = 1; sig < NSIG; sig++)
		(void)sigaction(sig, &dfl, NULL);
	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	if (!(l->s->flags & SPAWN_TTY))
		(void)setpgid(0, 0);
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL); /* kill -9 of us leaves no mkfs behind */
	if (getppid() != l->parent)
		_exit(127);
	/* out of the way of 0, 1, 2 first */
	for (int i = 0; i < 3; i++)
		if (io[i] >= 0 && io[i] < 3 && io[i] != i)
			io[i] = fcntl(io[i], F_DUPFD_CLOEXEC, 3);
	r = use_fd(io[0], 0);
	if (r >= 0)
		r = use_fd(io[1], 1);
	if (r >= 0)
		r = use_fd(io[2], 2);
	if (r >= 0 && l->s->dir)
		r = neg_errno(chdir(l->s->dir));
	if (r >= 0) {
		(void)execve(l->program, (char *const *)(uintptr_t)l->s->argv, l->env);
		r = -errno;
	}
	(void)!write(l->report_fd, &r, sizeof(r));
	_exit(127);
}

static void log_argv(const struct spawn *s)
{
	char line[1024];
	size_t len = 0;

	if (!log_debug_on())
		return;
	if (s->flags & SPAWN_SECRET) {
		log_debugf("run: %s (arguments not shown)", s->argv[0]);
		return;
	}
	for (size_t i = 0; s->argv[i] && len < sizeof(line); i++)
		len += (size_t)snprintf(line + len, sizeof(line) - len, " %s", s->argv[i]);
	log_debugf("run:%s", line);
}

static int fork_child(const struct launch *l, struct child *c)
{
	int saved;

	c->pid = fork();
	if (c->pid == 0)
		become(l);
	if (c->pid < 0) {
		saved = errno;
		c->pid = 0;
		return -saved;
	}
	if (!(l->s->flags & SPAWN_TTY))
		(void)setpgid(c->pid, c->pid); /* here too: whoever comes first */
	c->pidfd = neg_errno(pidfd_open(c->pid, 0));
	return c->pidfd < 0 ? c->pidfd : 0;
}

int child_start_stdio(const struct spawn *s, const struct child_stdio *io, struct child *ret,
		      struct err *err)
{
	cleanup_child struct child c = { .pidfd = -EBADF, .exit_status = -1 };
	cleanup_close int report_r = -EBADF, report_w = -EBADF;
	cleanup_free char *program = NULL;
	cleanup_free char **env = NULL;
	int r, fds[2], failed;

	r = spawn_find(s->argv[0], &program, err);
	if (r < 0)
		return r;
	env = merge_env(s->env ? s->env : (const char *const *)environ, s->env_add);
	c.name = strdup(s->argv[0]);
	if (!env || !c.name)
		return err_nomem(err);
	if (pipe2(fds, O_CLOEXEC) < 0)
		return err_errnof(err, -errno, "cannot run '%s'", s->argv[0]);
	report_r = fds[0];
	report_w = fds[1];
	log_argv(s);
	r = fork_child(&(struct launch){ s, io, program, env, getpid(), report_w }, &c);
	if (r >= 0 && !(s->flags & SPAWN_TTY))
		r = owned_add_group(c.pid, &c.owned);
	if (r < 0)
		return err_errnof(err, r, "cannot run '%s'", s->argv[0]);
	close_fdp(&report_w);
	report_w = -EBADF;
	if (read_upto(report_r, &failed, sizeof(failed)) == sizeof(failed)) {
		if (s->dir && failed == -ENOENT)
			return err_errnof(err, failed, "cannot run '%s' in '%s'", s->argv[0],
					  s->dir);
		return err_errnof(err, failed, "cannot run '%s'", s->argv[0]);
	}
	*ret = c;
	c = (struct child){ .pidfd = -EBADF };
	return 0;
}

int child_start(const struct spawn *s, int stderr_fd, struct child *ret, struct err *err)
{
	struct child_stdio io = {
		.in = s->stdin_fd > 0	     ? s->stdin_fd
		      : s->flags & SPAWN_TTY ? STDIN_FILENO
					     : -1,
		.out = s->stdout_fd > 0			 ? s->stdout_fd
		       : s->flags & SPAWN_INHERIT_STDOUT ? STDOUT_FILENO
							 : -1,
		.err = stderr_fd > 0 ? stderr_fd : STDERR_FILENO,
	};

	return child_start_stdio(s, &io, ret, err);
}

static int reap(struct child *c)
{
	int status;
	pid_t pid;

	/*
	 * Whoever it left behind in its group must not live on. Before the child is reaped,
	 * while its number cannot belong to anyone else.
	 */
	owned_finish(TAKE_PTR(c->owned));
	do
		pid = waitpid(c->pid, &status, 0);
	while (pid < 0 && errno == EINTR);
	c->pid = 0;
	close_fdp(&c->pidfd);
	c->pidfd = -EBADF;
	if (pid < 0)
		return -errno;
	c->exit_status = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
	c->term_signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
	return 0;
}

int child_wait(struct child *c, uint64_t timeout_ms, struct err *err)
{
	uint64_t deadline_ms = timeout_ms == UINT64_MAX ? 0 : clock_ms() + timeout_ms;
	struct pollfd fd = { .fd = c->pidfd, .events = POLLIN };
	int r;

	if (c->pid == 0)
		return 1;
	do
		r = poll(&fd, 1, clock_left_ms(deadline_ms));
	while (r < 0 && errno == EINTR);
	if (r < 0)
		r = -errno;
	if (r > 0) {
		r = reap(c);
		r = r < 0 ? r : 1;
	}
	if (r < 0)
		return err_errnof(err, r, "cannot wait for '%s'", c->name);
	return r;
}

void child_stop(struct child *c, uint64_t grace_ms)
{
	struct err ignored = { 0 };

	if (c->pid == 0)
		return;
	(void)kill(c->owned ? -c->pid : c->pid, SIGTERM);
	if (child_wait(c, grace_ms, &ignored) == 0)
		child_done(c);
}

void child_done(struct child *c)
{
	int saved = errno;

	if (c->pid > 0) {
		(void)kill(c->owned ? -c->pid : c->pid, SIGKILL);
		(void)kill(c->pid, SIGKILL); /* before it made its group */
		(void)reap(c);
	}
	free(c->name);
	c->name = NULL;
	errno = saved;
}
