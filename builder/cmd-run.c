/* cmd-run - boot nodes' images in QEMU; the images stay as they are */
#include "cmd-run.h"

#include "cluster-open.h"
#include "commands.h"
#include "image.h"
#include "parse.h"
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
	"  --forwards FILE  say which ports lead to which node, for 'kiln status --forwards'\n"
	"  --timeout TIME   end all after so long, such as 30min\n"
	"  --append WORDS   for the kernel (Raspberry Pi only)\n"
	"  --serial FILE    the console into a file\n"
	"  --pid-file FILE  of QEMU\n"
	"  --kvm | --tcg    default: KVM when it boots this kernel to its first line, else TCG\n"
	"  --print          show the commands, do not run them\n"
	"\n"
	"In FILE of --overlay, --serial and --pid-file %n is the node's name.\n";

enum accel { ACCEL_PROBE, ACCEL_KVM, ACCEL_TCG };
struct run_args {
	const char *file;
	const char *nodes[RUN_NODES_MAX];
	const char *memory[RUN_NODES_MAX]; /* NODE=SIZE */
	size_t nodes_len, memory_len;
	struct qemu_spec spec; /* what holds for all */
	const char *overlay, *serial, *pid_file;
	const char *switch_path, *forwards_path;
	uint64_t timeout_s;
	enum accel accel;
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

static int usage(struct err *err, const char *what, const char *arg)
{
	(void)err_setf(err, -EINVAL, "%s '%s'; 'kiln run --help' tells more", what, arg);
	return CMD_USAGE;
}

static bool take_text(struct run_args *a, const char *opt, const char *v)
{
	struct qemu_spec *s = &a->spec;
	const struct {
		const char *name;
		const char **to;
	} texts[] = {
		{ "-f", &a->file },
		{ "--overlay", &a->overlay },
		{ "--append", &s->append },
		{ "--serial", &a->serial },
		{ "--pid-file", &a->pid_file },
		{ "--switch", &a->switch_path },
		{ "--forwards", &a->forwards_path },
	};

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		if (strcmp(opt, texts[i].name) == 0) {
			*texts[i].to = v;
			return true;
		}
	}
	if (strcmp(opt, "--disk") == 0 && s->disks_len < QEMU_EXTRA_MAX)
		s->disks[s->disks_len++] = v;
	else if (strcmp(opt, "--segment") == 0 && s->segments_len < QEMU_EXTRA_MAX)
		s->segments[s->segments_len++] = v;
	else
		return false;
	return true;
}

static int take_memory(struct run_args *a, const char *v)
{
	uint64_t bytes;

	if (!strchr(v, '='))
		return size_parse(v, &a->spec.memory_bytes);
	if (a->memory_len == RUN_NODES_MAX)
		return -E2BIG;
	a->memory[a->memory_len++] = v;
	return size_parse(strchr(v, '=') + 1, &bytes);
}

static int take_value(struct run_args *a, const char *opt, const char *v, struct err *err)
{
	struct qemu_spec *s = &a->spec;
	int r;

	if (take_text(a, opt, v))
		return 0;
	if (strcmp(opt, "--bus") == 0) {
		r = qemu_bus_from_string(v);
		if (r >= 0)
			s->bus = (enum qemu_bus)r;
	} else if (strcmp(opt, "--memory") == 0) {
		r = take_memory(a, v);
	} else if (strcmp(opt, "--disk-size") == 0) {
		r = size_parse(v, &s->disk_bytes);
	} else if (strcmp(opt, "--cpus") == 0) {
		r = u32_parse_between(v, 1, 64, &s->cpus);
	} else if (strcmp(opt, "--ssh-port") == 0) {
		r = u32_parse_between(v, 1, 65535 - FORWARDS_MAX, &s->ssh_port);
	} else if (strcmp(opt, "--timeout") == 0) {
		r = duration_parse(v, &a->timeout_s);
	} else {
		return usage(err, "unknown option", opt);
	}
	if (r < 0) {
		(void)err_setf(err, -EINVAL,
			       "option '%s' does not take '%s'; 'kiln run --help' tells more", opt,
			       v);
		return CMD_USAGE;
	}
	return 0;
}

static int take_node(struct run_args *a, const char *name, struct err *err)
{
	for (size_t i = 0; i < a->nodes_len; i++)
		if (strcmp(a->nodes[i], name) == 0)
			return usage(err, "a node once, not again", name);
	if (a->nodes_len == RUN_NODES_MAX)
		return usage(err, "too many nodes with", name);
	a->nodes[a->nodes_len++] = name;
	return 0;
}

/* Several nodes, or a switch: all that shares one segment. */
static bool is_segment(const struct run_args *a)
{
	return a->nodes_len > 1 || a->switch_path;
}

static int check_args(const struct run_args *a, struct err *err)
{
	if (a->nodes_len == 0 && !a->switch_path) {
		(void)err_setf(err, -EINVAL, "which node? 'kiln run --help' tells more");
		return CMD_USAGE;
	}
	if (!is_segment(a)) {
		if (a->forwards_path)
			return usage(err, "a single node has no need of", "--forwards");
		if (a->timeout_s)
			return usage(err, "only several nodes, or --switch, take", "--timeout");
		return 0;
	}
	if (a->spec.segments_len)
		return usage(err, "several nodes make their own segment, so no", "--segment");
	if (a->spec.disks_len && a->nodes_len > 1)
		return usage(err, "several nodes cannot share", "--disk");
	for (size_t i = 0; a->nodes_len > 1 && i < 3; i++) {
		const char *v = i == 0 ? a->overlay : i == 1 ? a->serial : a->pid_file;

		if (v && !strstr(v, "%n"))
			return usage(err, "several nodes cannot share a file: %n is missing in", v);
	}
	return 0;
}

static int parse_args(int argc, char **argv, struct run_args *a, struct err *err)
{
	for (int i = 1; i < argc; i++) {
		const char *s = argv[i];
		int r = 0;

		if (strcmp(s, "--print") == 0)
			a->print = true;
		else if (strcmp(s, "--kvm") == 0)
			a->accel = ACCEL_KVM;
		else if (strcmp(s, "--tcg") == 0)
			a->accel = ACCEL_TCG;
		else if (s[0] == '-' && i + 1 == argc)
			return usage(err, "unknown option, or no value for", s);
		else if (s[0] == '-')
			r = take_value(a, s, argv[++i], err);
		else
			r = take_node(a, s, err);
		if (r != 0)
			return r;
	}
	return check_args(a, err);
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
	ret->kvm = a->accel == ACCEL_KVM || (a->accel == ACCEL_PROBE && qemu_kvm_works(ret));
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
