/* cmd-status - how far every node has come, seen from the desk */
#include "cmd-status.h"

#include "clock.h"
#include "cluster-open.h"
#include "commands.h"
#include "options.h"
#include "parse.h"
#include "status-show.h"

#include <string.h>

const char cmd_status_help[] =
	"Asks every node by ssh, with the host keys that 'kiln init' made, and the API server,\n"
	"once there is one, with an admin's certificate made on the spot. Ceph's fsid, once the\n"
	"cluster has one, is kept in .kiln/secrets.\n"
	"\n"
	"  -f FILE          the cluster's file (default: cluster.yaml)\n"
	"  --watch          follow until every node is up: a live picture on a terminal, a line\n"
	"                   for each change in a pipe\n"
	"  --timeout TIME   give up after so long, such as 20min (default: 45s; none with "
	"--watch)\n"
	"  --json           one object; with --watch one a line, at every change\n"
	"  --forwards FILE  ask at the ports that 'kiln run --forwards' wrote down\n"
	"  -i FILE          ssh's key (default: what ssh finds)\n"
	"\n"
	"Exit 0: every node is up and every component ready; nodes that run on demand may be off.\n"
	"Exit 1: not yet, or nobody answers.\n";

#define ONCE_S 45
#define TURN_MS 1000

struct status_args {
	const char *file, *forwards, *identity;
	uint64_t timeout_s;
	bool watch, json;
};

static int take_timeout(void *args, const char *value, struct err *err)
{
	struct status_args *a = args;

	if (duration_parse(value, &a->timeout_s) < 0 || a->timeout_s == 0)
		return err_setf(err, CMD_USAGE,
				"--timeout wants a duration such as 20min, not '%s'", value);
	return 0;
}

static const struct option_row rows[] = {
	OPTION("-f", OPTION_TEXT, struct status_args, file),
	OPTION("--watch", OPTION_FLAG, struct status_args, watch),
	OPTION_FN("--timeout", OPTION_CALL, take_timeout),
	OPTION("--json", OPTION_FLAG, struct status_args, json),
	OPTION("--forwards", OPTION_TEXT, struct status_args, forwards),
	OPTION("-i", OPTION_TEXT, struct status_args, identity),
	{ 0 },
};

/* Whether there is something to say; a program gets a line a change, of any kind. */
static uint64_t news_of(const struct status_ask *ask)
{
	size_t len;
	const struct status_node *n = status_ask_nodes(ask, &len);
	uint64_t sum = 0;

	for (size_t i = 0; i < len; i++)
		sum = sum * 31 + n[i].status.updated_at + (uint64_t)n[i].problem[0];
	return sum;
}

static int follow(const struct status_args *a, struct status_ask *ask, struct err *err)
{
	uint64_t end_ms = a->timeout_s ? clock_ms() + a->timeout_s * 1000 : UINT64_MAX;
	cleanup_status_show struct status_show show;
	uint64_t news = 0;
	char text[128];
	int r;

	status_show_init(&show, stdout);
	for (;;) {
		r = status_ask_turn(ask, TURN_MS, err);
		if (r >= 0 && !a->json)
			r = status_show_progress(&show, ask, err);
		else if (r >= 0 && news_of(ask) != news)
			r = status_show_json(stdout, ask, false, err);
		news = news_of(ask);
		if (r < 0 || status_ask_all_up(ask))
			return r;
		if (clock_ms() >= end_ms) {
			status_show_summary(ask, text, sizeof(text));
			return err_setf(err, -ETIME, "the time is up: %s", text);
		}
	}
}

static int once(const struct status_args *a, struct status_ask *ask, struct err *err)
{
	uint64_t end_ms = clock_ms() + (a->timeout_s ? a->timeout_s : ONCE_S) * 1000;
	char text[128];
	int r = 0;

	while (r >= 0 && !status_ask_all_asked(ask) && clock_ms() < end_ms)
		r = status_ask_turn(ask, TURN_MS, err);
	if (r >= 0 && a->json)
		r = status_show_json(stdout, ask, true, err);
	else if (r >= 0)
		status_show_table(stdout, ask);
	if (r < 0 || status_ask_all_up(ask))
		return r;
	status_show_summary(ask, text, sizeof(text));
	return err_setf(err, -EAGAIN, "not everything is up: %s", text);
}

int cmd_status(int argc, char **argv, struct err *err)
{
	struct status_args a = { .file = CLUSTER_FILE };
	cleanup_cluster struct cluster *c = NULL;
	cleanup_status_ask struct status_ask *ask = NULL;
	struct status_ask_options o = { 0 };
	struct forwards forwards;
	int r = options_parse(rows, argc, argv, &a, err);

	if (r != 0)
		return r;
	o.identity = a.identity;
	r = cluster_open(a.file, &c, err);
	if (r >= 0 && a.forwards) {
		r = forwards_read(a.forwards, c, &forwards, err);
		o.forwards = &forwards;
	}
	if (r >= 0)
		r = status_ask_new(c, &o, &ask, err);
	if (r < 0)
		return r;
	return a.watch ? follow(&a, ask, err) : once(&a, ask, err);
}
