#include "spawn.h"
#include "tree.h"
#include "userns.h"

#include <fcntl.h>
#include <poll.h>
#include <pwd.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#define MAP_MS 10000U

/* What the child tells: its result and text. */
struct answer {
	int r;
	struct err err;
};

static int tell(int fd, const void *data, size_t len)
{
	const char *p = data;

	while (len) {
		ssize_t n = write(fd, p, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return -EPIPE;
		p += n;
		len -= (size_t)n;
	}
	return 0;
}

static ssize_t hear(int fd, void *data, size_t len)
{
	char *p = data;
	size_t have = 0;

	while (have < len) {
		ssize_t n = read(fd, p + have, len - have);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		have += (size_t)n;
	}
	return (ssize_t)have;
}

/* "name:first:count" of /etc/subuid or /etc/subgid: both name the user, or its number. */
static int sub_range(const char *file, unsigned long *ret_first, unsigned long *ret_count)
{
	cleanup_fclose FILE *f = fopen(file, "re");
	const struct passwd *pw = getpwuid(getuid());
	char line[512], name[256];

	while (f && fgets(line, sizeof(line), f)) {
		char number[32];

		if (sscanf(line, "%255[^:]:%lu:%lu", name, ret_first, ret_count) != 3)
			continue;
		(void)snprintf(number, sizeof(number), "%u", (unsigned int)getuid());
		if ((strcmp(name, number) == 0 || (pw && strcmp(name, pw->pw_name) == 0)) &&
		    *ret_count >= 65535)
			return 0;
	}
	return -ENOENT;
}

static int map_one(const char *tool, const char *file, pid_t pid, unsigned int id, struct err *err)
{
	unsigned long first = 0, count = 0;
	char pid_text[32], id_text[32], first_text[32];
	cleanup_spawn struct spawn s = {
		.argv = (const char *const[]){ tool, pid_text, "0", id_text, "1", "1", first_text,
					       "65535", NULL },
		.timeout_ms = MAP_MS,
	};

	if (sub_range(file, &first, &count) < 0)
		return err_setf(
			err, -EPERM,
			"you have no range of 65535 ids in %s: run 'sudo usermod "
			"--add-subuids 100000-165535 --add-subgids 100000-165535 USER', or run "
			"kiln as root",
			file);
	(void)snprintf(pid_text, sizeof(pid_text), "%d", (int)pid);
	(void)snprintf(id_text, sizeof(id_text), "%u", id);
	(void)snprintf(first_text, sizeof(first_text), "%lu", first);
	return spawn_run(&s, err);
}

static int map_ids(pid_t pid, struct err *err)
{
	int r = map_one("newuidmap", "/etc/subuid", pid, (unsigned int)getuid(), err);

	return r >= 0 ? map_one("newgidmap", "/etc/subgid", pid, (unsigned int)getgid(), err) : r;
}

static int enter(int ready_fd, int go_fd, struct err *err)
{
	char c = 'r';

	if (unshare(CLONE_NEWUSER | CLONE_NEWNS) < 0)
		return err_setf(err, -EPERM,
				"the kernel refuses user namespaces (%s): set sysctl "
				"kernel.unprivileged_userns_clone=1, or run kiln as root",
				strerror(errno));
	if (tell(ready_fd, &c, 1) < 0 || hear(go_fd, &c, 1) != 1)
		return err_setf(err, -EPERM, "no ids were mapped");
	if (setresgid(0, 0, 0) < 0 || setresuid(0, 0, 0) < 0)
		return err_errnof(err, -errno, "cannot become root of the namespace");
	if (mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL) < 0)
		return err_errnof(err, -errno, "cannot make mounts private");
	return 0;
}

_Noreturn static void child(userns_fn *fn, void *arg, int out_fd, int go_fd, bool root)
{
	struct answer a = { 0 };
	char done = 'd';

	(void)umask(022); /* the caller's must not show in what is made */
	/* SIGTERM: lib/owned ends what fn has started */
	(void)prctl(PR_SET_PDEATHSIG, SIGTERM);
	a.r = root ? 0 : enter(out_fd, go_fd, &a.err);
	if (a.r >= 0)
		a.r = fn(arg, &a.err);
	if (tell(out_fd, &done, 1) >= 0)
		(void)tell(out_fd, &a, sizeof(a));
	(void)fflush(NULL);
	_exit(0);
}

/* Maps the ids that a child waits for before it begins; what it says else comes with its answer. */
static int let_go(struct userns_job *job, int go_fd, struct err *err)
{
	char c = '\0';
	int r;

	if (hear(job->answer_fd, &c, 1) != 1 || c != 'r') {
		job->ended = c == 'd';
		return 0;
	}
	r = map_ids(job->pid, err);
	if (r < 0)
		return r;
	if (tell(go_fd, "g", 1) < 0)
		return err_setf(err, -EIO, "the helper process died");
	return 0;
}

static void end_child(pid_t pid, int signal)
{
	if (signal)
		(void)kill(pid, signal);
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
}

int userns_start(userns_fn *fn, void *arg, struct userns_job *ret, struct err *err)
{
	struct userns_job job = { 0 };
	bool root = geteuid() == 0;
	int answer[2], go[2], r;

	if (pipe2(answer, O_CLOEXEC) < 0)
		return err_errnof(err, -errno, "cannot make a pipe");
	if (pipe2(go, O_CLOEXEC) < 0) {
		r = err_errnof(err, -errno, "cannot make a pipe");
		(void)close(answer[0]);
		(void)close(answer[1]);
		return r;
	}
	(void)fflush(NULL);
	job.answer_fd = answer[0];
	job.pid = fork();
	if (job.pid == 0) {
		(void)close(answer[0]);
		(void)close(go[1]);
		child(fn, arg, answer[1], go[0], root);
	}
	r = job.pid < 0 ? err_errnof(err, -errno, "cannot start a process") : 0;
	(void)close(answer[1]);
	(void)close(go[0]);
	if (r == 0 && !root)
		r = let_go(&job, go[1], err);
	(void)close(go[1]);
	if (r < 0) {
		if (job.pid > 0)
			end_child(job.pid, SIGKILL);
		(void)close(answer[0]);
		return r;
	}
	*ret = job;
	return 0;
}

int userns_wait(struct userns_job *job, struct err *err)
{
	struct answer a = { 0 };
	int r = 0;
	char c = 'd';

	if ((!job->ended && hear(job->answer_fd, &c, 1) != 1) || c != 'd' ||
	    hear(job->answer_fd, &a, sizeof(a)) != (ssize_t)sizeof(a))
		r = err_setf(err, -EIO, "the helper process died");
	end_child(job->pid, r < 0 ? SIGKILL : 0);
	(void)close(job->answer_fd);
	*job = (struct userns_job){ 0 };
	if (r < 0)
		return r;
	if (a.r < 0)
		*err = a.err;
	return a.r;
}

void userns_job_done(struct userns_job *job)
{
	int saved = errno;

	if (job->pid > 0) {
		/* SIGTERM: lib/owned ends what it started and removes what is half-made */
		end_child(job->pid, SIGTERM);
		(void)close(job->answer_fd);
	}
	*job = (struct userns_job){ 0 };
	errno = saved;
}

int userns_run(userns_fn *fn, void *arg, struct err *err)
{
	struct userns_job job = { 0 };
	int r = userns_start(fn, arg, &job, err);

	return r < 0 ? r : userns_wait(&job, err);
}

static int remove_fn(void *arg, struct err *err)
{
	int r = tree_remove_at(AT_FDCWD, arg);

	return r < 0 ? err_errnof(err, r, "cannot remove '%s'", (const char *)arg) : 0;
}

int userns_remove_tree(const char *dir, struct err *err)
{
	if (access(dir, F_OK) < 0 && errno == ENOENT)
		return 0;
	return userns_run(remove_fn, (void *)dir, err);
}
