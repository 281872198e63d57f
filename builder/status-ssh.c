#include "status-ssh.h"

#include "clock.h"
#include "file.h"

#include <ctype.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>

#define AGAIN_MS 3000

static void close_session(struct status_ssh *s)
{
	child_done(&s->child);
	close_fdp(&s->out);
	close_fdp(&s->errors);
	s->out = s->errors = -EBADF;
	buf_clear(&s->text);
}

void status_ssh_init(struct status_ssh *s)
{
	*s = (struct status_ssh){ .child.pidfd = -EBADF,
				  .out = -EBADF,
				  .errors = -EBADF,
				  .text = BUF_INIT(4 * STATUS_JSON_MAX) };
}

void status_ssh_done(struct status_ssh *s)
{
	close_session(s);
	buf_done(&s->text);
}

static int start(struct status_ssh *s, const struct node_ssh_way *way, const struct node *n,
		 struct err *err)
{
	cleanup_close int out = -EBADF;
	struct node_ssh ssh;
	int fds[2];

	node_ssh_prepare(&ssh, way, n, "/usr/sbin/kiln-node status --json --watch");
	if (pipe2(fds, O_CLOEXEC) < 0)
		return err_errnof(err, -errno, "cannot make a pipe");
	s->out = fds[0];
	out = fds[1];
	s->errors = neg_errno(memfd_create("ssh", MFD_CLOEXEC));
	if (s->errors < 0 || fcntl(s->out, F_SETFL, O_NONBLOCK) < 0)
		return err_errnof(err, -errno, "cannot make a pipe");
	struct spawn run = { .argv = ssh.argv, .stdout_fd = out };
	return child_start(&run, s->errors, &s->child, err);
}

int status_ssh_turn(struct status_ssh *s, const struct node_ssh_way *way, struct status_node *n,
		    struct err *err)
{
	if (s->out >= 0 || clock_ms() < s->again_ms)
		return 0;
	if (!node_ssh_leads(way, n->node)) {
		status_problem(n->problem, "no way to it was given");
		n->asked = true;
		s->again_ms = UINT64_MAX;
		return 0;
	}
	return start(s, way, n->node, err);
}

/* The last line that ssh said. */
static void failed(struct status_ssh *s, struct status_node *n)
{
	char text[1024] = "";
	ssize_t got = s->errors >= 0 ? pread_upto(s->errors, text, sizeof(text) - 1, 0) : 0;
	char *line;

	text[got > 0 ? got : 0] = '\0';
	for (got = (ssize_t)strlen(text); got > 0 && isspace((unsigned char)text[got - 1]); got--)
		text[got - 1] = '\0';
	line = strrchr(text, '\n');
	status_problem(n->problem, line ? line + 1 : text[0] ? text : "ssh has ended");
	n->asked = true;
	close_session(s);
	s->again_ms = clock_ms() + AGAIN_MS;
}

/* Whole documents of the stream; the last one counts. */
static void take_documents(struct status_ssh *s, struct status_node *n)
{
	const char *end;

	while ((end = s->text.len ? strstr(buf_str(&s->text), "\n}\n") : NULL)) {
		const char *text = buf_str(&s->text);
		size_t len = (size_t)(end - text) + 3;
		size_t skip = strcspn(text, "{"); /* older nodes clear a screen before each */

		n->problem[0] = '\0';
		if (skip < len)
			status_node_take(n, text + skip, len - skip, false);
		n->asked = true;
		s->text.len -= len;
		memmove(s->text.data, s->text.data + len, s->text.len + 1);
	}
}

void status_ssh_read(struct status_ssh *s, struct status_node *n)
{
	char piece[16384];
	ssize_t got;

	while ((got = read(s->out, piece, sizeof(piece))) > 0)
		if (memchr(piece, 0, (size_t)got) || buf_add(&s->text, piece, (size_t)got) < 0)
			break;
	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		take_documents(s, n);
	else
		failed(s, n);
}
