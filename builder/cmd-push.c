/* cmd-push - a baked seed to a node that runs */
#include "cmd-push.h"

#include "clock.h"
#include "cluster-open.h"
#include "commands.h"
#include "image.h"
#include "options.h"
#include "push.h"
#include "secrets.h"

#include <string.h>
#include <time.h>

#define BACK_S 1200 /* the firmware of a big machine takes minutes */

const char cmd_push_help[] =
	"Copies the seed of out/NODE.img to NODE by ssh, with the host keys that 'kiln init' "
	"made.\n"
	"It is imported at the node's next start. What a flash would lose stays: etcd, local\n"
	"volumes. For changes that need no other base image: addresses, keys, labels, K3s' "
	"options,\n"
	"components whose images are there; a seed for another base is refused.\n"
	"\n"
	"  -f FILE          the cluster's file (default: cluster.yaml)\n"
	"  --reboot         start the node anew at once, and wait until it has taken the seed\n"
	"  --to HOST        where it answers now, if its address is what changes\n"
	"  --forwards FILE  at the port that 'kiln run --forwards' wrote down\n"
	"  -i FILE          ssh's key (default: what ssh finds)\n";

struct push_args {
	const char *file, *node, *to, *forwards, *identity;
	bool reboot;
};

static const struct option_row rows[] = {
	OPTION("-f", OPTION_TEXT, struct push_args, file),
	OPTION("--reboot", OPTION_FLAG, struct push_args, reboot),
	OPTION("--to", OPTION_TEXT, struct push_args, to),
	OPTION("--forwards", OPTION_TEXT, struct push_args, forwards),
	OPTION("-i", OPTION_TEXT, struct push_args, identity),
	OPTION("node", OPTION_OPERAND, struct push_args, node),
	{ 0 },
};

static int parse_args(int argc, char **argv, struct push_args *a, struct err *err)
{
	int r = options_parse(rows, argc, argv, a, err);

	if (r == 0 && !a->node)
		return err_setf(err, CMD_USAGE, "to which node?");
	if (r == 0 && a->to && (a->forwards || a->to[0] == '-' || !a->to[0]))
		return err_setf(err, CMD_USAGE,
				"--to wants a host or an address, and no --forwards beside it");
	return r;
}

static void say(const struct push *p, enum push_result result)
{
	time_t t = (time_t)p->json.baked_at;
	const char *name = p->node->name;
	char when[32] = "";
	struct tm tm;

	if (gmtime_r(&t, &tm))
		(void)strftime(when, sizeof(when), "%Y-%m-%d %H:%M UTC", &tm);
	if (result == PUSH_SENT)
		printf("%s: has the seed %.12s (baked %s), imported at its next start\n", name,
		       p->digest, when);
	else
		printf("%s: this seed, %.12s (baked %s), is what it runs with%s\n", name, p->digest,
		       when,
		       result == PUSH_HAD_AND_CLEAN ? "; another one that waited is removed" : "");
	(void)fflush(stdout);
}

static int push(const struct push_args *a, const struct cluster *c, struct push *p, struct err *err)
{
	cleanup_free char *image = image_out_path(c, p->node->name, IMAGE_SUFFIX);
	enum push_result result = PUSH_SENT;
	uint64_t start_ms = clock_ms();
	int r;

	if (!image)
		return err_nomem(err);
	r = push_read(p, image, err);
	if (r == -ENOENT)
		return err_setf(err, r, "there is no '%s' with a seed; 'kiln bake %s' makes it",
				image, p->node->name);
	if (r >= 0)
		r = push_check(p, err);
	if (r >= 0)
		r = push_send(p, &result, err);
	if (r < 0)
		return r;
	say(p, result);
	if (!a->reboot || result != PUSH_SENT)
		return 0;
	printf("%s: starts anew\n", p->node->name);
	(void)fflush(stdout);
	r = push_reboot(p, BACK_S, err);
	if (r >= 0)
		printf("%s: runs with it, after %llu s\n", p->node->name,
		       (unsigned long long)(clock_ms() - start_ms) / 1000);
	return r;
}

int cmd_push(int argc, char **argv, struct err *err)
{
	struct push_args a = { .file = CLUSTER_FILE };
	CLEANUP(push_done) struct push p = { 0 };
	cleanup_cluster struct cluster *c = NULL;
	cleanup_free char *known_hosts = NULL;
	struct forwards forwards;
	int r = parse_args(argc, argv, &a, err);

	if (r != 0)
		return r;
	r = cluster_open(a.file, &c, err);
	if (r >= 0)
		r = cluster_open_node(c, a.node, &p.node, err);
	if (r >= 0 && a.forwards)
		r = forwards_read(a.forwards, c, &forwards, err);
	if (r < 0)
		return r;
	known_hosts = cluster_path(c, "out/known_hosts");
	if (!known_hosts)
		return err_nomem(err);
	r = secrets_known_hosts(c, known_hosts, err);
	if (r < 0)
		return r;
	p.way = (struct node_ssh_way){ .user = c->system.user,
				       .known_hosts = known_hosts,
				       .identity = a.identity,
				       .host = a.to,
				       .forwards = a.forwards ? &forwards : NULL };
	return push(&a, c, &p, err);
}
