/* kiln-node run: turn the steps for ever, feed systemd's watchdog, tell the console. */
#include "agent.h"
#include "clock.h"
#include "commands.h"
#include "notify.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>

static const char *const needs_clock[] = { "clock", NULL };
static const char *const needs_machine[] = { "clock", "disk", "host", "network", NULL };
static const char *const needs_k3s[] = { "k3s", NULL };

const struct step agent_steps[] = {
	{ "clock", NULL, 0, step_clock },
	{ "ceph-disk", NULL, 0, step_ceph_disk },
	{ "disk", NULL, 0, step_disk }, /* with a partition it waits for ceph-disk itself */
	{ "host", needs_clock, 0, step_host },
	{ "network", needs_clock, 60, step_network },
	{ "k3s", needs_machine, 0, step_k3s },
	{ "labels", needs_k3s, 60, step_labels },
	{ "sequence", needs_k3s, 60, step_sequence },
	{ "report", needs_k3s, 15, step_report },
	{ 0 },
};

/* One line on the console when the step, its state or its reason is another one. */
static void tell_console(struct agent *a, char *last, size_t size)
{
	const char *path = getenv("KILN_CONSOLE");
	cleanup_close int fd = -EBADF;
	char line[STEP_REASON_MAX + 128] = "";

	for (size_t i = 0; i < a->engine.len; i++) {
		const struct step_status *st = &a->engine.status[i];

		if (st->state == STEP_PENDING ||
		    (st->state == STEP_DONE && a->engine.steps[i].period_s))
			continue;
		if (st->state != STEP_DONE || i + 1 == a->engine.len) {
			(void)snprintf(line, sizeof(line), "kiln-node: %s %s: %s%s%s\n",
				       a->node.node.name, a->engine.steps[i].name,
				       step_state_to_string(st->state), st->reason[0] ? ": " : "",
				       st->reason);
			break;
		}
	}
	if (!line[0] && engine_all_done(&a->engine))
		(void)snprintf(line, sizeof(line), "kiln-node: %s is ready, %s\n",
			       a->node.node.name,
			       a->node.node.addresses.len ? a->node.node.addresses.items[0] : "");
	if (!line[0] || strcmp(line, last) == 0)
		return;
	(void)snprintf(last, size, "%s", line);
	fd = open(path ? path : "/dev/console", O_WRONLY | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
	if (fd >= 0)
		(void)!write(fd, line, strlen(line));
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

int cmd_run(int argc, char **argv, struct err *err)
{
	cleanup_agent struct agent a = { .root_fd = -EBADF, .state_fd = -EBADF, .run_fd = -EBADF };
	cleanup_close int sfd = -EBADF;
	int r;

	(void)argv;
	if (argc > 1)
		return err_setf(err, CMD_USAGE, "run takes no arguments");
	r = agent_open(&a, agent_steps, err);
	if (r < 0)
		return r;
	r = sfd = open_signals(err);
	if (r < 0)
		return r;
	notify_sendf("READY=1\nSTATUS=starting");
	return loop(&a, sfd, err);
}
