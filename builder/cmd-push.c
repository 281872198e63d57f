/*
 * cmd-push - a baked seed to a node that runs
 *
 * The seed goes into kiln/ of the node's boot partition, as a bake would have put it there, and
 * kiln-init imports it at the next start. Nothing on root is lost by that, where a flash would
 * take etcd with it.
 */
#include "cmd-push.h"

#include "base-json.h"
#include "cluster-open.h"
#include "commands.h"
#include "digest.h"
#include "image.h"
#include "node-ssh.h"
#include "options.h"
#include "secrets.h"
#include "seed-read.h"
#include "spawn.h"

#include <string.h>
#include <time.h>

#define ASK_MS 60000
#define SEND_MS 600000
#define HAS_IT "has it\n"

const char cmd_push_help[] =
	"Copies the seed of out/NODE.img to NODE by ssh, with the host keys that 'kiln init' "
	"made.\n"
	"It is imported at the node's next start. What a flash would lose stays: etcd, local\n"
	"volumes. For changes that need no other base image: addresses, keys, labels, K3s' "
	"options,\n"
	"components whose images are there; a seed for another base is refused.\n"
	"\n"
	"  -f FILE          the cluster's file (default: cluster.yaml)\n"
	"  --reboot         start the node anew at once; of several control-planes one at a time\n"
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

struct push {
	const struct node *node;
	struct node_ssh_way way;
	char *tar; /* holds secrets */
	size_t len;
	struct seed_json json;
	char digest[SHA256_HEX_MAX];
};

static void push_done(struct push *p)
{
	if (p->tar)
		explicit_bzero(p->tar, p->len);
	free(p->tar);
	seed_json_done(&p->json);
}

static int read_seed(const struct cluster *c, struct push *p, struct err *err)
{
	cleanup_free char *image = image_out_path(c, p->node->name, IMAGE_SUFFIX);
	const char *name = p->node->name;
	int r;

	if (!image)
		return err_nomem(err);
	r = seed_read_tar(image, &p->tar, &p->len, err);
	if (r == -ENOENT)
		return err_setf(err, r, "there is no '%s' with a seed; 'kiln bake %s' makes it",
				image, name);
	if (r < 0)
		return r;
	r = seed_read_json(p->tar, p->len, &p->json, err);
	if (r >= 0 && strcmp(p->json.node, name) != 0)
		r = err_setf(err, -EINVAL, "it is the seed of node '%s', not of '%s'", p->json.node,
			     name);
	if (r < 0)
		return err_wrapf(err, r, "'%s'", image);
	(void)sha256_mem_hex(p->tar, p->len, p->digest);
	return 0;
}

/* Runs @command on the node; its stdout is in @s, which the caller gave a size. */
static int on_node(const struct push *p, const char *command, struct spawn *s, struct err *err)
{
	struct node_ssh ssh;
	int r;

	if (!node_ssh_leads(&p->way, p->node))
		return err_setf(err, -ENOENT, "'%s': no way to it was given", p->node->name);
	node_ssh_prepare(&ssh, &p->way, p->node, command);
	s->argv = ssh.argv;
	r = spawn_run(s, err);
	s->argv = NULL;
	return r < 0 ? err_wrapf(err, r, "'%s'", p->node->name) : 0;
}

/* The node would refuse it too, but only at its next start. */
static int check_base(const struct push *p, struct err *err)
{
	CLEANUP(base_json_done) struct base_json base = { 0 };
	cleanup_spawn struct spawn s = { .out_max = BASE_JSON_MAX, .timeout_ms = ASK_MS };
	int r = on_node(p, "cat /usr/lib/kiln/base.json", &s, err);

	if (r < 0)
		return r;
	r = base_json_parse(s.out, s.out_len, &base, err);
	if (r < 0)
		return err_wrapf(err, r, "base.json of '%s'", p->node->name);
	if (strcmp(base.cluster_id, p->json.cluster_id) != 0)
		return err_setf(err, -EPERM, "'%s' is of another cluster", p->node->name);
	if (strcmp(base.id, p->json.base) != 0)
		return err_setf(
			err, -EPERM,
			"'%s' runs base image %.12s, and its seed was baked for %.12s: packages, "
			"kernel, K3s or container images are others; that takes the whole "
			"image, not a seed",
			p->node->name, base.id, p->json.base);
	return 0;
}

/* Written beside, compared, synced, renamed: a seed is there whole or not at all. */
static int send(const struct push *p, bool *ret_new, struct err *err)
{
	cleanup_spawn struct spawn s = {
		.input = p->tar, .input_len = p->len, .out_max = 256, .timeout_ms = SEND_MS
	};
	cleanup_free char *script = NULL;
	int r;

	if (asprintf(&script,
		     "sudo -n sh -euc '"
		     "if grep -qs %s /var/lib/kiln/seed.json; then cat >/dev/null; echo has it; "
		     "exit; fi; "
		     "cd /boot/firmware/kiln; trap \"rm -f seed.new\" EXIT; cat >seed.new; "
		     "case $(sha256sum <seed.new) in %s*) ;; *) echo it arrived damaged >&2; exit "
		     "1;; esac; "
		     "sync seed.new; mv seed.new seed-%s.tar; sync .'",
		     p->digest, p->digest, p->digest) < 0) {
		script = NULL;
		return err_nomem(err);
	}
	r = on_node(p, script, &s, err);
	*ret_new = r >= 0 && strcmp(s.out, HAS_IT) != 0;
	return r;
}

/* After our session has ended, so that it ends well. */
static int reboot_node(const struct push *p, struct err *err)
{
	cleanup_spawn struct spawn s = { .timeout_ms = ASK_MS };
	int r = on_node(p, "sudo -n systemd-run -q --on-active=1s systemctl reboot", &s, err);

	if (r >= 0)
		printf("%s: starts anew\n", p->node->name);
	return r;
}

static void say(const struct push *p, bool new)
{
	time_t t = (time_t)p->json.baked_at;
	char when[32] = "";
	struct tm tm;

	if (gmtime_r(&t, &tm))
		(void)strftime(when, sizeof(when), "%Y-%m-%d %H:%M UTC", &tm);
	if (new)
		printf("%s: has the seed %.12s (baked %s), imported at its next start\n",
		       p->node->name, p->digest, when);
	else
		printf("%s: this seed, %.12s (baked %s), is what it runs with\n", p->node->name,
		       p->digest, when);
}

static int push(const struct push_args *a, const struct cluster *c, struct push *p, struct err *err)
{
	bool new = false;
	int r = read_seed(c, p, err);

	if (r >= 0)
		r = check_base(p, err);
	if (r >= 0)
		r = send(p, &new, err);
	if (r < 0)
		return r;
	say(p, new);
	return a->reboot && new ? reboot_node(p, err) : 0;
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
