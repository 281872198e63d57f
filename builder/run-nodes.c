#include "run-nodes.h"

#include "clock.h"
#include "file.h"
#include "netswitch.h"
#include "owned.h"
#include "qemu-net.h"
#include "segment-time.h"
#include "spawn.h"

#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <time.h>

#define PATH_ROOM 108 /* of a socket */
#define GRACE_MS 2000

struct machine {
	const char *name;
	struct qemu q;
	struct child child; /* pid 0: not started, or ended */
};
struct segment {
	struct run_nodes *run;
	struct tempfile *dir; /* NULL: the socket is where the caller wanted it */
	char path[PATH_ROOM];
	struct owned *owned;	     /* the socket, when a signal ends us */
	struct owned *forwards_file; /* no longer true when we have ended */
	struct netswitch *s;
	struct segment_time time;
	struct forwards forwards;
	struct machine uplink;
	struct machine machines[RUN_NODES_MAX];
	size_t alive;
	int result;
};

void run_print(const char *const *argv)
{
	for (size_t i = 0; argv[i]; i++) {
		bool plain = strpbrk(argv[i], " \t\"'$&;<>|()*?#~\\") == NULL && *argv[i];

		printf("%s%s%s%s", i ? " " : "", plain ? "" : "'", argv[i], plain ? "" : "'");
	}
	putchar('\n');
}

static void segment_done(struct segment *g)
{
	for (size_t i = 0; i < RUN_NODES_MAX; i++) {
		child_stop(&g->machines[i].child, GRACE_MS);
		child_done(&g->machines[i].child);
		qemu_done(&g->machines[i].q);
	}
	child_stop(&g->uplink.child, GRACE_MS);
	child_done(&g->uplink.child);
	(void)owned_drop(g->owned);
	owned_finish(g->forwards_file);
	netswitch_free(g->s);
	tempfile_free(g->dir);
}

static size_t tell_time(void *arg, const uint8_t *frame, size_t len, uint8_t *ret)
{
	const struct segment_time *t = arg;
	struct timespec now = { 0 };

	(void)clock_gettime(CLOCK_REALTIME, &now);
	return segment_time_answer(t, frame, len,
				   (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec, ret);
}
_Static_assert(SEGMENT_TIME_ANSWER_MAX <= NETSWITCH_ANSWER_MAX, "an answer fits");

/* QEMU's user network is the gateway, but for the time: that is ours. */
static void answer_time(struct segment *g)
{
	const struct addr_list *gateways = &g->run->cluster->network.gateways;

	for (size_t i = 0; i < gateways->len && i < ARRAY_SIZE(g->time.gateways); i++)
		g->time.gateways[i] = gateways->items[i];
	netswitch_set_answer(g->s, tell_time, &g->time);
}

static int open_switch(struct segment *g, struct err *err)
{
	const char *path = g->run->switch_path;
	int r = 0, n;

	if (!path) {
		r = tempfile_new_dir(NULL, "kiln-run.", &g->dir, err);
		if (r < 0)
			return r;
	}
	n = snprintf(g->path, sizeof(g->path), "%s%s", path ? path : g->dir->path,
		     path ? "" : "/switch");
	if (n < 0 || (size_t)n >= sizeof(g->path))
		return err_setf(err, -ENAMETOOLONG, "'%s' is too long for a socket", path);
	r = netswitch_new(g->path, &g->s, err);
	if (r >= 0)
		answer_time(g);
	if (r >= 0 && path && path[0] == '/')
		r = owned_add_path(path, &g->owned);
	return r < 0 && !err->msg[0] ? err_errnof(err, r, "cannot take note of '%s'", path) : r;
}

static int start(struct machine *m, const char *const *argv, int stderr_fd, struct err *err)
{
	struct spawn s = { .argv = argv };

	return child_start(&s, stderr_fd, &m->child, err);
}

static int write_forwards(struct segment *g, struct err *err)
{
	const char *path = g->run->forwards_path;
	cleanup_free char *whole = NULL;
	int r = forwards_write(&g->forwards, path, err);

	if (r < 0)
		return r;
	whole = realpath(path, NULL);
	if (!whole)
		return err_errnof(err, -errno, "cannot find '%s' again", path);
	r = owned_add_path(whole, &g->forwards_file);
	return r < 0 ? err_errnof(err, r, "cannot take note of '%s'", path) : 0;
}

static const char *emulator(const struct run_nodes *n)
{
	for (size_t i = 0; i < n->len; i++)
		if (strcmp(n->specs[i].board->arch, "arm64") != 0)
			return "qemu-system-x86_64";
	return n->len ? "qemu-system-aarch64" : "qemu-system-x86_64";
}

static int start_uplink(struct segment *g, struct err *err)
{
	cleanup_close int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
	cleanup_qemu_uplink struct qemu_uplink u = { 0 };
	struct qemu_forward forwards[2 * FORWARDS_MAX];
	size_t len = 0;
	int r;

	for (size_t i = 0; i < g->forwards.len; i++) {
		const struct node *n = g->forwards.items[i].node;

		forwards[len++] = (struct qemu_forward){ g->forwards.items[i].ssh, n, 22 };
		if (g->forwards.items[i].api)
			forwards[len++] =
				(struct qemu_forward){ g->forwards.items[i].api, n, 6443 };
	}
	r = qemu_uplink_init(&u, g->run->cluster, emulator(g->run), g->path, forwards, len, err);
	if (r < 0)
		return r;
	g->uplink.name = "the way out";
	if (g->run->print) {
		run_print(u.argv);
		return 0;
	}
	/* it warns that it has no machine, which is what it is for */
	return start(&g->uplink, u.argv, null, err);
}

static int start_node(struct segment *g, size_t i, struct err *err)
{
	struct qemu_spec *spec = &g->run->specs[i];
	struct machine *m = &g->machines[i];
	int r;

	m->name = spec->node->name;
	spec->segments[0] = g->path;
	spec->segments_len = 1;
	r = qemu_init(&m->q, spec, err);
	if (r < 0)
		return err_wrapf(err, r, "%s", m->name);
	if (g->run->print) {
		run_print(m->q.argv);
		return 0;
	}
	r = start(m, m->q.argv, STDERR_FILENO, err);
	if (r < 0)
		return r;
	g->alive++;
	for (size_t k = 0; k < g->forwards.len; k++)
		if (g->forwards.items[k].node == spec->node)
			fprintf(stderr,
				"kiln run: %s by %s, console in %s; ssh -p %u "
				"-o UserKnownHostsFile=out/known_hosts -o HostKeyAlias=%s "
				"%s@127.0.0.1\n",
				m->name, spec->kvm ? "KVM" : "TCG", spec->serial,
				g->forwards.items[k].ssh, m->name, g->run->cluster->system.user);
	return 0;
}

static void ended(struct segment *g, struct machine *m)
{
	const struct child *c = &m->child;

	g->alive--;
	if (c->exit_status == 0) {
		fprintf(stderr, "kiln run: %s has powered off\n", m->name);
		return;
	}
	g->result = -ECHILD;
	if (c->term_signal)
		fprintf(stderr, "kiln run: %s was killed by signal %d (%s)\n", m->name,
			c->term_signal, strsignal(c->term_signal));
	else
		fprintf(stderr, "kiln run: QEMU of %s exited with status %d\n", m->name,
			c->exit_status);
}

/* Everything that ended is reaped and told. */
static int look_after(struct segment *g, struct err *err)
{
	int r;

	for (size_t i = 0; i < g->run->len; i++) {
		struct machine *m = &g->machines[i];

		if (m->child.pid == 0)
			continue;
		r = child_wait(&m->child, 0, err);
		if (r < 0)
			return r;
		if (r > 0)
			ended(g, m);
	}
	r = child_wait(&g->uplink.child, 0, err);
	if (r > 0)
		return err_setf(err, -ECHILD,
				"the way out has ended: a port of 127.0.0.1 may be in use, or "
				"'%s' is older than 7.2",
				emulator(g->run));
	return r;
}

static int serve(struct segment *g, struct err *err)
{
	uint64_t end_ms = g->run->timeout_s ? clock_ms() + g->run->timeout_s * 1000 : 0;
	struct pollfd fds[RUN_NODES_MAX + 2];

	while (g->alive > 0 || g->run->len == 0) {
		size_t n = 0;
		int r;

		if (end_ms && clock_ms() >= end_ms)
			return err_setf(err, -ETIME, "the time is up: %llu s",
					(unsigned long long)g->run->timeout_s);
		fds[n++] = (struct pollfd){ .fd = netswitch_fd(g->s), .events = POLLIN };
		fds[n++] = (struct pollfd){ .fd = g->uplink.child.pidfd, .events = POLLIN };
		for (size_t i = 0; i < g->run->len; i++)
			if (g->machines[i].child.pid)
				fds[n++] = (struct pollfd){ .fd = g->machines[i].child.pidfd,
							    .events = POLLIN };
		r = poll(fds, n, clock_left_ms(end_ms));
		if (r < 0 && errno != EINTR)
			return err_errnof(err, -errno, "cannot wait for the machines");
		r = netswitch_turn(g->s, clock_ms(), err);
		for (size_t i = 1; r >= 0 && i < n; i++)
			if (fds[i].revents) {
				r = look_after(g, err);
				break;
			}
		if (r < 0)
			return r;
	}
	return g->result < 0 ? err_setf(err, g->result, "not every machine ended by itself") : 0;
}

int run_nodes(struct run_nodes *n, struct err *err)
{
	CLEANUP(segment_done) struct segment g = { .run = n };
	int r = forwards_pick(n->cluster, n->ssh_port, &g.forwards, err);

	if (r == 0)
		r = open_switch(&g, err);
	if (r == 0)
		r = start_uplink(&g, err);
	if (r == 0 && n->forwards_path && !n->print)
		r = write_forwards(&g, err);
	for (size_t i = 0; r == 0 && i < n->len; i++)
		r = start_node(&g, i, err);
	if (r < 0 || n->print)
		return r;
	return serve(&g, err);
}
