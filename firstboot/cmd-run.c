/* kiln-node run: turn the steps for ever, feed systemd's watchdog, tell the console. */
#include "agent.h"
#include "clock.h"
#include "commands.h"
#include "file.h"
#include "notify.h"
#include "parse.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/stat.h>

static const char *const needs_clock[] = { "clock", NULL };
static const char *const needs_machine[] = { "clock", "disk", "host", "network", NULL };
static const char *const needs_k3s[] = { "k3s", NULL };
static const char *const needs_images[] = { "k3s", "images", NULL };

const struct step agent_steps[] = {
	{ "clock", NULL, 0, step_clock },	  { "ceph-disk", NULL, 0, step_ceph_disk },
	{ "disk", NULL, 0, step_disk }, /* with a partition it waits for ceph-disk itself */
	{ "host", needs_clock, 0, step_host },	  { "network", needs_clock, 20, step_network },
	{ "k3s", needs_machine, 300, step_k3s },  { "images", needs_k3s, 60, step_images },
	{ "labels", needs_k3s, 60, step_labels }, { "sequence", needs_images, 60, step_sequence },
	{ "report", needs_k3s, 15, step_report }, { 0 },
};

static void PRINTF_LIKE(1, 2) console_sayf(const char *fmt, ...)
{
	const char *path = getenv("KILN_CONSOLE");
	cleanup_close int fd = -EBADF;
	va_list ap;

	fd = open(path ? path : "/dev/console", O_WRONLY | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
	va_start(ap, fmt);
	if (fd >= 0)
		(void)vdprintf(fd, fmt, ap);
	va_end(ap);
}

/*
 * The same above every login prompt, which agetty reads from there; those that wait show it anew
 * when the node has become ready.
 */
static void tell_login(struct agent *a, const char *line)
{
	static const char reload[] = "run/agetty.reload";
	cleanup_close int dir = -EBADF, fd = -EBADF;
	char text[STEP_REASON_MAX + 256];
	struct err ignored = { 0 };

	(void)snprintf(text, sizeof(text), "%s", line);
	for (char *p = text; *p; p++)
		*p = *p == '\\' ? '/' : *p; /* agetty would read orders after it */
	(void)mkdirat(a->root_fd, "run/issue.d", 0755);
	dir = openat(a->root_fd, "run/issue.d", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0 ||
	    file_replace_at(dir, "50-kiln.issue", text, strlen(text), 0644, &ignored) < 0)
		return;
	if (engine_all_done(&a->engine))
		fd = openat(a->root_fd, reload, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	if (fd >= 0)
		(void)futimens(fd, NULL);
}

/* One line on the console when the step, its state or its reason is another one. */
static void tell_console(struct agent *a, char *last, size_t size)
{
	const char *address =
		a->node.node.addresses.len ? a->node.node.addresses.items[0] : "no address";
	char line[STEP_REASON_MAX + 128] = "";

	for (size_t i = 0; i < a->engine.len; i++) {
		const struct step_status *st = &a->engine.status[i];

		if (st->state == STEP_PENDING ||
		    (st->state == STEP_DONE && a->engine.steps[i].period_s))
			continue;
		if (st->state != STEP_DONE || i + 1 == a->engine.len) {
			(void)snprintf(line, sizeof(line), "kiln-node: %s, %s: %s: %s%s%s\n",
				       a->node.node.name, address, a->engine.steps[i].name,
				       step_state_to_string(st->state), st->reason[0] ? ": " : "",
				       st->reason);
			break;
		}
	}
	if (!line[0] && engine_all_done(&a->engine))
		(void)snprintf(line, sizeof(line), "kiln-node: %s is ready, %s\n",
			       a->node.node.name, address);
	if (!line[0] || strcmp(line, last) == 0)
		return;
	(void)snprintf(last, size, "%s", line);
	console_sayf("%s", line);
	tell_login(a, line);
}

/* 1: asked to stop; 0: time is up. */
static int wait_for_signal(int sfd, unsigned int wait_ms)
{
	struct pollfd p = { .fd = sfd, .events = POLLIN };

	return poll(&p, 1, (int)wait_ms) > 0 ? 1 : 0;
}

static int open_signals(struct err *err)
{
	sigset_t set;
	int fd;

	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGTERM);
	(void)sigaddset(&set, SIGINT);
	(void)sigprocmask(SIG_BLOCK, &set, NULL);
	fd = neg_errno(signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
	return fd < 0 ? err_errnof(err, fd, "cannot wait for signals") : fd;
}

static int loop(struct agent *a, int sfd, struct err *err)
{
	unsigned int beat_ms = (unsigned int)(notify_watchdog_us() / 3000);
	char last[STEP_REASON_MAX + 128] = "";

	for (;;) {
		unsigned int wait_ms;
		int r;

		r = engine_turn(&a->engine, a, (int64_t)clock_ms(), &wait_ms, err);
		if (r >= 0)
			r = agent_write_status(a, err);
		if (r < 0)
			return r;
		notify_sendf("WATCHDOG=1");
		tell_console(a, last, sizeof(last));
		if (beat_ms && wait_ms > beat_ms)
			wait_ms = beat_ms;
		if (wait_for_signal(sfd, wait_ms))
			return 0;
	}
}

/* Tests kill us when the n-th record stands: KILN_TEST_KILL_AFTER=n. */
static int arm_for_tests(struct agent *a, struct err *err)
{
	const char *text = getenv("KILN_TEST_KILL_AFTER");
	uint64_t n = 0;

	if (text && u64_parse(text, &n) < 0)
		return err_setf(err, -EINVAL, "KILN_TEST_KILL_AFTER is no number: '%s'", text);
	journal_kill_after(a->journal, n);
	return 0;
}

/* No journal, no node.json: nothing can be done, but a person can be told why. */
static void tell_failure(struct agent *a, const struct err *why)
{
	struct status_step step = { .name = (char *)(uintptr_t) "start",
				    .state = STEP_FAILED,
				    .reason = (char *)(uintptr_t)why->msg,
				    .since = clock_wall_s(),
				    .attempt = 1 };
	struct status_json s = { .node = a->node.node.name ?: (char *)(uintptr_t) "this-node",
				 .boot_id = a->boot_id,
				 .updated_at = clock_wall_s(),
				 .phase = PHASE_FAILED,
				 .steps = { &step, 1 } };
	cleanup_free char *text = NULL;
	struct err ignored = { 0 };
	size_t len;

	notify_sendf("STATUS=%s", why->msg);
	console_sayf("kiln-node: cannot work: %s\n", why->msg);
	if (a->run_fd >= 0 && status_json_format(&s, &text, &len, &ignored) >= 0)
		(void)!file_replace_at(a->run_fd, "status.json", text, len, 0644, &ignored);
}

int cmd_run(int argc, char **argv, struct err *err)
{
	cleanup_agent struct agent a = AGENT_INIT;
	cleanup_close int sfd = -EBADF;
	int r;

	(void)argv;
	if (argc > 1)
		return err_setf(err, CMD_USAGE, "run takes no arguments");
	r = agent_open(&a, agent_steps, err);
	if (r >= 0)
		r = arm_for_tests(&a, err);
	if (r >= 0)
		r = sfd = open_signals(err);
	if (r >= 0) {
		notify_sendf("READY=1\nSTATUS=starting");
		r = loop(&a, sfd, err);
	}
	if (r < 0)
		tell_failure(&a, err);
	return r;
}
