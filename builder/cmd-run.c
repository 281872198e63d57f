/* cmd-run - boot nodes' images in QEMU; the images stay as they are */
#include "cmd-run.h"

#include "cluster-open.h"
#include "commands.h"
#include "image.h"
#include "options.h"
#include "parse.h"
#include "qemu-kvm.h"
#include "qemu-net.h"
#include "run-nodes.h"
#include "spawn.h"

#include <string.h>

const char cmd_run_help[] =
	"One node: the console is on this terminal (Ctrl-A X ends QEMU). Several: they share one\n"
	"Ethernet segment with a gateway that lets them out and tells them the time, consoles go\n"
	"to files, and all end with this command. Images are not written: a disk is a layer on\n"
	"top, gone afterwards unless --overlay keeps it.\n"
	"UEFI boards boot through OVMF with Secure Boot on; for a Raspberry Pi kernel, initrd\n"
	"and command line are read from the image's config.txt and started on machine 'virt'.\n"
	"\n"
	"  -f FILE          the cluster's file (default: cluster.yaml)\n"
	"  --bus BUS        of the system disk: nvme (default), sata, usb, sd, virtio\n"
	"  --disk-size SIZE of the system disk (default: 32GiB)\n"
	"  --disk FILE      a further disk, a raw file; several are fine (NVMe, serial kiln1 ...)\n"
	"  --overlay FILE   keep what is written in this qcow2, and boot from it again\n"
	"  --memory SIZE    default: the board's; NODE=SIZE is for that node alone\n"
	"  --cpus N         default: 2\n"
	"  --ssh-port PORT  of 127.0.0.1, forwarded to the node's port 22 (default: a free one);\n"
	"                   of several nodes PORT is the cluster's first node's, then one more "
	"each\n"
	"  --segment SOCK   a NIC on a socket of a switch (-netdev stream), instead of the user\n"
	"                   network; the first has the node's MAC; several are fine\n"
	"  --switch SOCK    make such a switch, also for machines of other commands; without a\n"
	"                   NODE the switch and its gateway alone run\n"
	"  --forwards FILE  several nodes: what ports lead to them, for kiln status\n"
	"  --timeout TIME   several nodes: end all after so long, such as 30min\n"
	"  --append WORDS   for the kernel (Raspberry Pi only)\n"
	"  --serial FILE    the console into a file\n"
	"  --pid-file FILE  of QEMU\n"
	"  --kvm | --tcg    default: KVM when it boots this kernel to its first line, else TCG\n"
	"  --print          show the commands, do not run them\n"
	"\n"
	"In FILE of --overlay, --serial and --pid-file %n is the node's name.\n";

struct run_args {
	const char *file;
	const char *nodes[RUN_NODES_MAX];
	const char *memory[RUN_NODES_MAX]; /* NODE=SIZE */
	size_t nodes_len, memory_len;
	struct qemu_spec spec; /* what holds for all */
	const char *overlay, *serial, *pid_file;
	const char *switch_path, *forwards_path;
	uint64_t timeout_s;
	bool kvm, tcg; /* neither: what works */
	bool print;
};
/* What one node's spec borrows. */
struct run_node {
	struct board *board;
	char *image, *overlay, *serial, *pid_file;
};

static void run_node_done(struct run_node *n)
{
	board_free(n->board);
	free(n->image);
	free(n->overlay);
	free(n->serial);
	free(n->pid_file);
}

struct run_list {
	struct run_node items[RUN_NODES_MAX];
};
static void run_list_done(struct run_list *l)
{
	for (size_t i = 0; i < RUN_NODES_MAX; i++)
		run_node_done(&l->items[i]);
}

static int bad_value(const char *option, const char *want, const char *value, struct err *err)
{
	return err_setf(err, CMD_USAGE, "%s wants %s, not '%s'", option, want, value);
}

static int take_bus(void *args, const char *v, struct err *err)
{
	struct run_args *a = args;
	int r = qemu_bus_from_string(v);

	if (r < 0)
		return bad_value("--bus", "nvme, sata, usb, sd or virtio", v, err);
	a->spec.bus = (enum qemu_bus)r;
	return 0;
}

static int take_memory(void *args, const char *v, struct err *err)
{
	struct run_args *a = args;
	const char *eq = strchr(v, '=');
	uint64_t bytes;

	if (size_parse(eq ? eq + 1 : v, &bytes) < 0)
		return bad_value("--memory", "a size such as 2GiB or cow=2GiB", v, err);
	if (!eq)
		a->spec.memory_bytes = bytes;
	else if (a->memory_len == RUN_NODES_MAX)
		return err_setf(err, CMD_USAGE, "at most %d of '--memory'", RUN_NODES_MAX);
	else
		a->memory[a->memory_len++] = v;
	return 0;
}

static int take_disk_size(void *args, const char *v, struct err *err)
{
	struct run_args *a = args;

	if (size_parse(v, &a->spec.disk_bytes) < 0)
		return bad_value("--disk-size", "a size such as 64GiB", v, err);
	return 0;
}

static int take_cpus(void *args, const char *v, struct err *err)
{
	struct run_args *a = args;

	if (u32_parse_between(v, 1, 64, &a->spec.cpus) < 0)
		return bad_value("--cpus", "a number from 1 to 64", v, err);
	return 0;
}

static int take_ssh_port(void *args, const char *v, struct err *err)
{
	struct run_args *a = args;

	if (u32_parse_between(v, 1, 65535 - FORWARDS_MAX, &a->spec.ssh_port) < 0)
		return bad_value("--ssh-port", "a port such as 2222", v, err);
	return 0;
}

static int take_disk(void *args, const char *v, struct err *err)
{
	struct qemu_spec *s = &((struct run_args *)args)->spec;

	if (s->disks_len == QEMU_EXTRA_MAX)
		return err_setf(err, CMD_USAGE, "at most %d of '--disk'", QEMU_EXTRA_MAX);
	s->disks[s->disks_len++] = v;
	return 0;
}

static int take_segment(void *args, const char *v, struct err *err)
{
	struct qemu_spec *s = &((struct run_args *)args)->spec;

	if (s->segments_len == QEMU_EXTRA_MAX)
		return err_setf(err, CMD_USAGE, "at most %d of '--segment'", QEMU_EXTRA_MAX);
	s->segments[s->segments_len++] = v;
	return 0;
}

static int take_node(void *args, const char *name, struct err *err)
{
	struct run_args *a = args;

	for (size_t i = 0; i < a->nodes_len; i++)
		if (strcmp(a->nodes[i], name) == 0)
			return err_setf(err, CMD_USAGE, "node '%s' was given twice", name);
	if (a->nodes_len == RUN_NODES_MAX)
		return err_setf(err, CMD_USAGE, "at most %d nodes run at a time", RUN_NODES_MAX);
	a->nodes[a->nodes_len++] = name;
	return 0;
}

static const struct option_row rows[] = {
	OPTION("-f", OPTION_TEXT, struct run_args, file),
	OPTION_FN("--bus", OPTION_CALL, take_bus),
	OPTION_FN("--disk-size", OPTION_CALL, take_disk_size),
	OPTION_FN("--disk", OPTION_CALL, take_disk),
	OPTION("--overlay", OPTION_TEXT, struct run_args, overlay),
	OPTION_FN("--memory", OPTION_CALL, take_memory),
	OPTION_FN("--cpus", OPTION_CALL, take_cpus),
	OPTION_FN("--ssh-port", OPTION_CALL, take_ssh_port),
	OPTION_FN("--segment", OPTION_CALL, take_segment),
	OPTION("--switch", OPTION_TEXT, struct run_args, switch_path),
	OPTION("--forwards", OPTION_TEXT, struct run_args, forwards_path),
	OPTION("--timeout", OPTION_TIME, struct run_args, timeout_s),
	OPTION("--append", OPTION_TEXT, struct run_args, spec.append),
	OPTION("--serial", OPTION_TEXT, struct run_args, serial),
	OPTION("--pid-file", OPTION_TEXT, struct run_args, pid_file),
	OPTION("--kvm", OPTION_FLAG, struct run_args, kvm),
	OPTION("--tcg", OPTION_FLAG, struct run_args, tcg),
	OPTION("--print", OPTION_FLAG, struct run_args, print),
	OPTION_FN("node", OPTION_OPERANDS, take_node),
	{ 0 },
};

/* Several nodes, or a switch: all that shares one segment. */
static bool is_segment(const struct run_args *a)
{
	return a->nodes_len > 1 || a->switch_path;
}

static int check_segment(const struct run_args *a, struct err *err)
{
	if (a->spec.segments_len)
		return err_setf(err, CMD_USAGE,
				"several nodes make their own segment, so no '--segment'");
	if (a->spec.disks_len && a->nodes_len > 1)
		return err_setf(err, CMD_USAGE, "several nodes cannot share '--disk'");
	for (size_t i = 0; a->nodes_len > 1 && i < 3; i++) {
		const char *v = i == 0 ? a->overlay : i == 1 ? a->serial : a->pid_file;

		if (v && !strstr(v, "%n"))
			return err_setf(err, CMD_USAGE,
					"several nodes cannot share a file: %%n is missing in '%s'",
					v);
	}
	return 0;
}

static int check_args(const struct run_args *a, struct err *err)
{
	if (a->kvm && a->tcg)
		return err_setf(err, CMD_USAGE, "--kvm or --tcg, not both");
	if (a->nodes_len == 0 && !a->switch_path)
		return err_setf(err, CMD_USAGE, "which node?");
	if (is_segment(a))
		return check_segment(a, err);
	if (a->forwards_path)
		return err_setf(err, CMD_USAGE, "a single node has no need of '--forwards'");
	if (a->timeout_s)
		return err_setf(err, CMD_USAGE,
				"only several nodes, or --switch, take '--timeout'");
	return 0;
}

static int parse_args(int argc, char **argv, struct run_args *a, struct err *err)
{
	int r = options_parse(rows, argc, argv, a, err);

	return r != 0 ? r : check_args(a, err);
}

/* @pattern with the node's name for %n; NULL stays NULL. */
static int expand(const char *pattern, const char *node, char **ret, struct err *err)
{
	const char *at = pattern ? strstr(pattern, "%n") : NULL;
	int n = 0;

	if (at)
		n = asprintf(ret, "%.*s%s%s", (int)(at - pattern), pattern, node, at + 2);
	else if (pattern)
		n = asprintf(ret, "%s", pattern);
	if (n < 0) {
		*ret = NULL;
		return err_nomem(err);
	}
	return 0;
}

static int memory_of(const struct run_args *a, const struct cluster *c, const struct node *n,
		     uint64_t *ret, struct err *err)
{
	for (size_t i = 0; i < a->memory_len; i++) {
		size_t len = strcspn(a->memory[i], "=");
		cleanup_free char *name = strndup(a->memory[i], len);
		const struct node *for_node = NULL;
		int r = name ? cluster_open_node(c, name, &for_node, err) : err_nomem(err);

		if (r < 0)
			return r;
		if (for_node == n && size_parse(a->memory[i] + len + 1, ret) < 0)
			return -EINVAL; /* was parsed before */
	}
	return 0;
}

/* The files of one node; several nodes have no terminal to share, so a file each. */
static int prepare_files(const struct run_args *a, const struct cluster *c, const char *name,
			 struct run_node *own, struct err *err)
{
	int r = expand(a->overlay, name, &own->overlay, err);

	if (r == 0)
		r = expand(a->serial, name, &own->serial, err);
	if (r == 0)
		r = expand(a->pid_file, name, &own->pid_file, err);
	if (r < 0)
		return r;
	if (!own->serial && is_segment(a)) {
		own->serial = image_out_path(c, name, ".console");
		if (!own->serial)
			return err_nomem(err);
	}
	own->image = image_out_path(c, name, IMAGE_SUFFIX);
	return own->image ? 0 : err_nomem(err);
}

static int prepare(const struct run_args *a, const struct cluster *c, const char *name,
		   struct qemu_spec *ret, struct run_node *own, struct err *err)
{
	const struct node *n = NULL;
	int r;

	*ret = a->spec;
	r = cluster_open_node(c, name, &n, err);
	if (r == 0)
		r = board_load(n->board, &own->board, err);
	if (r == 0)
		r = memory_of(a, c, n, &ret->memory_bytes, err);
	if (r == 0)
		r = prepare_files(a, c, name, own, err);
	if (r < 0)
		return r;
	if (a->spec.append && own->board->boot != BOOT_RPI)
		return err_setf(err, -EINVAL,
				"--append: the command line of board '%s' is in its image",
				own->board->name);
	ret->cluster = c;
	ret->node = n;
	ret->board = own->board;
	ret->image = own->image;
	ret->overlay = own->overlay;
	ret->serial = own->serial;
	ret->pid_file = own->pid_file;
	ret->kvm = a->kvm || (!a->tcg && qemu_kvm_works(ret));
	return 0;
}

/* One node on the user network, or on segments that somebody else keeps. */
static int run_one(const struct run_args *a, struct qemu_spec *spec, struct err *err)
{
	cleanup_qemu struct qemu q = { 0 };
	cleanup_spawn struct spawn s = {
		.argv = q.argv,
		.flags = SPAWN_TTY | SPAWN_INHERIT_STDOUT | SPAWN_INHERIT_STDERR,
	};
	int r = 0;

	if (spec->ssh_port == 0)
		r = qemu_free_port(&spec->ssh_port, err);
	if (r == 0)
		r = qemu_init(&q, spec, err);
	if (r < 0)
		return r;
	if (a->print) {
		run_print(q.argv);
		return 0;
	}
	fprintf(stderr, "kiln run: %s by %s", spec->node->name,
		spec->kvm ? "KVM" : "TCG (slow: no KVM that works)");
	if (spec->segments_len == 0)
		fprintf(stderr,
			"; ssh -p %u -o UserKnownHostsFile=out/known_hosts -o HostKeyAlias=%s "
			"%s@127.0.0.1",
			spec->ssh_port, spec->node->name, spec->cluster->system.user);
	fprintf(stderr, "\n");
	return spawn_run(&s, err);
}

static int run(struct run_args *a, struct err *err)
{
	CLEANUP(run_list_done) struct run_list own = { 0 };
	cleanup_cluster struct cluster *c = NULL;
	struct run_nodes n = {
		.switch_path = a->switch_path,
		.forwards_path = a->forwards_path,
		.ssh_port = a->spec.ssh_port,
		.timeout_s = a->timeout_s,
		.print = a->print,
	};
	int r = cluster_open(a->file, &c, err);

	for (size_t i = 0; r == 0 && i < a->nodes_len; i++)
		r = prepare(a, c, a->nodes[i], &n.specs[i], &own.items[i], err);
	if (r < 0)
		return r;
	n.cluster = c;
	n.len = a->nodes_len;
	return is_segment(a) ? run_nodes(&n, err) : run_one(a, &n.specs[0], err);
}

int cmd_run(int argc, char **argv, struct err *err)
{
	struct run_args a = { .file = CLUSTER_FILE };
	int r = parse_args(argc, argv, &a, err);

	return r != 0 ? r : run(&a, err);
}
