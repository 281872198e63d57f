#include "spawn.h"

#include "buf.h"
#include "clock.h"
#include "file.h"
#include "log.h"
#include "spawn-child.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>

#define TAIL_BYTES 2048
#define DRAIN_MS 1000 /* what grandchildren may still say after the child's end */

struct run {
	struct spawn *s;
	struct child child;
	int in_fd, out_fd, err_fd; /* our ends of the pipes */
	size_t in_done;
	struct buf out;
	char tail[TAIL_BYTES];
	size_t tail_len;
	uint64_t deadline_ms;
	int result; /* of a callback or the capture's maximum */
};

static void run_done(struct run *run)
{
	child_done(&run->child);
	close_fdp(&run->in_fd);
	close_fdp(&run->out_fd);
	close_fdp(&run->err_fd);
	if (run->out.data && run->s->flags & SPAWN_SECRET)
		explicit_bzero(run->out.data, run->out.size);
	buf_done(&run->out);
}

void spawn_done(struct spawn *s)
{
	if (s->out && s->flags & SPAWN_SECRET)
		explicit_bzero(s->out, s->out_len);
	free(s->out);
	s->out = NULL;
	s->out_len = 0;
}

static void keep_tail(struct run *run, const char *data, size_t len)
{
	if (len >= TAIL_BYTES) {
		memcpy(run->tail, data + len - TAIL_BYTES, TAIL_BYTES);
		run->tail_len = TAIL_BYTES;
		return;
	}
	if (run->tail_len + len > TAIL_BYTES) {
		size_t cut = run->tail_len + len - TAIL_BYTES;

		memmove(run->tail, run->tail + cut, run->tail_len - cut);
		run->tail_len -= cut;
	}
	memcpy(run->tail + run->tail_len, data, len);
	run->tail_len += len;
}

/* One read of a pipe; closes it at its end. */
static int pump(struct run *run, int *fd)
{
	char data[65536];
	ssize_t n = read(*fd, data, sizeof(data));
	int r = 0;

	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return 0;
	if (n <= 0) {
		close_fdp(fd);
		*fd = -EBADF;
		return n < 0 ? -errno : 0;
	}
	if (fd == &run->err_fd) {
		keep_tail(run, data, (size_t)n);
		if (run->s->err_fn)
			r = run->s->err_fn(run->s->arg, data, (size_t)n);
	} else if (run->s->out_fn) {
		r = run->s->out_fn(run->s->arg, data, (size_t)n);
	} else {
		r = buf_add(&run->out, data, (size_t)n);
		if (r == -E2BIG)
			r = -EFBIG;
	}
	if (run->s->flags & SPAWN_SECRET)
		explicit_bzero(data, (size_t)n);
	return r;
}

/* SIGPIPE is blocked around the write: a child that reads no further is no error of ours. */
static int feed(struct run *run)
{
	sigset_t pipe_only, old;
	ssize_t n;
	int r;

	(void)sigemptyset(&pipe_only);
	(void)sigaddset(&pipe_only, SIGPIPE);
	(void)pthread_sigmask(SIG_BLOCK, &pipe_only, &old);
	n = write(run->in_fd, (const char *)run->s->input + run->in_done,
		  run->s->input_len - run->in_done);
	r = n < 0 ? -errno : 0;
	if (r == -EPIPE)
		(void)sigtimedwait(&pipe_only, NULL, &(struct timespec){ 0 });
	(void)pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (n > 0)
		run->in_done += (size_t)n;
	if (r == -EINTR || r == -EAGAIN)
		return 0;
	if (r < 0 || run->in_done == run->s->input_len) {
		close_fdp(&run->in_fd);
		run->in_fd = -EBADF;
	}
	return r == -EPIPE ? 0 : r;
}

/* What poll found: data to move. */
static int serve(struct run *run, const struct pollfd *in, const struct pollfd *out,
		 const struct pollfd *errs)
{
	int r = 0;

	if (in->revents)
		r = feed(run);
	if (r >= 0 && out->revents)
		r = pump(run, &run->out_fd);
	if (r >= 0 && errs->revents)
		r = pump(run, &run->err_fd);
	return r;
}

/* Moves data until the child has ended and the pipes are empty, or the deadline is there. */
static int exchange(struct run *run)
{
	uint64_t deadline_ms = run->deadline_ms;
	bool ended = false;

	while (!ended || run->out_fd >= 0 || run->err_fd >= 0) {
		struct pollfd fds[] = {
			{ .fd = ended ? -1 : run->child.pidfd, .events = POLLIN },
			{ .fd = run->in_fd, .events = POLLOUT },
			{ .fd = run->out_fd, .events = POLLIN },
			{ .fd = run->err_fd, .events = POLLIN },
		};
		int r = poll(fds, ARRAY_SIZE(fds), clock_left_ms(deadline_ms));

		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0)
			return -errno;
		if (r == 0)
			return ended ? 0 : -ETIMEDOUT;
		r = serve(run, &fds[1], &fds[2], &fds[3]);
		if (r < 0)
			return r;
		if (fds[0].revents) {
			ended = true;
			close_fdp(&run->in_fd);
			run->in_fd = -EBADF;
			deadline_ms = clock_ms() + DRAIN_MS;
		}
	}
	return 0;
}

/* stderr's last lines, on one line, without control characters. */
static void add_tail(const struct run *run, struct err *err)
{
	size_t from = 0, len = strlen(err->msg), end = run->tail_len;
	unsigned int lines = 0;

	if (run->s->flags & SPAWN_SECRET)
		return;
	while (end > 0 && (unsigned char)run->tail[end - 1] <= ' ')
		end--;
	for (size_t i = end; i-- > 0 && lines < 6;)
		if (run->tail[i] == '\n' && ++lines == 6)
			from = i + 1;
	if (end <= from || len + 3 >= sizeof(err->msg))
		return;
	len += (size_t)snprintf(err->msg + len, sizeof(err->msg) - len, ": ");
	for (size_t i = from; i < end && len + 3 < sizeof(err->msg); i++) {
		char c = run->tail[i];

		if (c == '\n') {
			err->msg[len++] = ';';
			err->msg[len++] = ' ';
		} else {
			err->msg[len++] = (unsigned char)c < ' ' || c == 0x7f ? ' ' : c;
		}
	}
	err->msg[len] = '\0';
}

static int judge(struct run *run, struct err *err)
{
	struct spawn *s = run->s;
	const char *name = s->argv[0];

	s->exit_status = run->child.exit_status;
	s->term_signal = run->child.term_signal;
	if (s->term_signal)
		(void)err_setf(err, -ECHILD, "'%s' was killed by signal %d (%s)", name,
			       s->term_signal, strsignal(s->term_signal));
	else if (s->exit_status != 0 && !(s->flags & SPAWN_ANY_STATUS))
		(void)err_setf(err, -ECHILD, "'%s' exited with status %d", name, s->exit_status);
	else
		return 0;
	add_tail(run, err);
	return -ECHILD;
}

static int pipe_to(int *ours, int *theirs, bool we_write)
{
	int fds[2];

	if (pipe2(fds, O_CLOEXEC) < 0)
		return -errno;
	*ours = fds[we_write ? 1 : 0];
	*theirs = fds[we_write ? 0 : 1];
	return fcntl(*ours, F_SETFL, O_NONBLOCK) < 0 ? -errno : 0;
}

static int start(struct run *run, struct err *err)
{
	cleanup_close int in = -EBADF, out = -EBADF, errs = -EBADF;
	struct spawn *s = run->s;
	struct child_stdio io = { -1, -1, -1 };
	int r = 0;

	if (s->input) {
		r = pipe_to(&run->in_fd, &in, true);
		io.in = in;
	} else if (s->stdin_fd > 0) {
		io.in = s->stdin_fd;
	} else if (s->flags & SPAWN_TTY) {
		io.in = STDIN_FILENO;
	}
	if (r >= 0 && (s->out_max || s->out_fn)) {
		r = pipe_to(&run->out_fd, &out, false);
		io.out = out;
	} else if (s->stdout_fd > 0) {
		io.out = s->stdout_fd;
	} else if (s->flags & SPAWN_INHERIT_STDOUT) {
		io.out = STDOUT_FILENO;
	}
	if (r >= 0 && !(s->flags & (SPAWN_INHERIT_STDERR | SPAWN_TTY))) {
		r = pipe_to(&run->err_fd, &errs, false);
		io.err = errs;
	} else {
		io.err = STDERR_FILENO;
	}
	if (r < 0)
		return err_errnof(err, r, "cannot run '%s': no pipe", s->argv[0]);
	return child_start_stdio(s, &io, &run->child, err);
}

int spawn_run(struct spawn *s, struct err *err)
{
	CLEANUP(run_done)
	struct run run = {
		.s = s,
		.in_fd = -EBADF,
		.out_fd = -EBADF,
		.err_fd = -EBADF,
		.child = { .pidfd = -EBADF },
	};
	int r;

	s->exit_status = -1;
	s->term_signal = 0;
	spawn_done(s);
	buf_init(&run.out, s->out_max);
	run.deadline_ms = s->timeout_ms ? clock_ms() + s->timeout_ms : 0;
	r = start(&run, err);
	if (r < 0)
		return r;
	r = exchange(&run);
	if (r == -ETIMEDOUT) {
		(void)err_setf(err, r, "'%s' did not end within %llu s and was killed", s->argv[0],
			       (unsigned long long)(s->timeout_ms + 999) / 1000);
		add_tail(&run, err);
		return r;
	}
	if (r == -EFBIG)
		return err_setf(err, r, "'%s' wrote more than %zu bytes", s->argv[0], s->out_max);
	if (r < 0)
		return err_errnof(err, r, "'%s' was stopped", s->argv[0]);
	r = child_wait(&run.child, UINT64_MAX, err);
	if (r >= 0)
		r = judge(&run, err);
	if (r < 0)
		return r;
	if (s->out_max) {
		s->out = buf_steal(&run.out, &s->out_len);
		if (!s->out)
			return err_nomem(err);
	}
	return 0;
}
