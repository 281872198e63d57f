/* cmd-run - boot a node's image in QEMU; the image stays as it is */
#include "cmd-run.h"

#include "cluster-open.h"
#include "commands.h"
#include "image.h"
#include "parse.h"
#include "qemu.h"
#include "spawn.h"

#include <string.h>

const char cmd_run_help[] =
	"The console is on this terminal (Ctrl-A X ends QEMU). The image is not written: the\n"
	"disk is a layer on top of it, gone afterwards unless --overlay keeps it.\n"
	"UEFI boards boot through OVMF with Secure Boot on; for a Raspberry Pi kernel, initrd\n"
	"and command line are read from the image's config.txt and started on machine 'virt'.\n"
	"\n"
	"  -f FILE          the cluster's file (default: cluster.yaml)\n"
	"  --bus BUS        of the system disk: nvme (default), sata, usb, sd, virtio\n"
	"  --disk-size SIZE of the system disk (default: 32GiB)\n"
	"  --disk FILE      a further disk, a raw file; several are fine (NVMe, serial kiln1 ...)\n"
	"  --overlay FILE   keep what is written in this qcow2, and boot from it again\n"
	"  --memory SIZE    default: the board's\n"
	"  --cpus N         default: 2\n"
	"  --ssh-port PORT  of 127.0.0.1, forwarded to the node's port 22 (default: a free one)\n"
	"  --segment SOCK   a NIC on a socket of a switch (-netdev stream), instead of the user\n"
	"                   network; the first has the node's MAC; several are fine\n"
	"  --append WORDS   for the kernel (Raspberry Pi only)\n"
	"  --serial FILE    the console into a file\n"
	"  --pid-file FILE  of QEMU\n"
	"  --kvm | --tcg    default: KVM when it boots this kernel to its first line, else TCG\n"
	"  --print          show the command, do not run it\n";

enum accel { ACCEL_PROBE, ACCEL_KVM, ACCEL_TCG };
struct run_args {
	const char *file, *node;
	struct qemu_spec spec;
	enum accel accel;
	bool print;
};

static int usage(struct err *err, const char *what, const char *arg)
{
	(void)err_setf(err, -EINVAL, "%s '%s'; 'kiln run --help' tells more", what, arg);
	return CMD_USAGE;
}

static int take_text(struct run_args *a, const char *opt, const char *v, bool *ret_known)
{
	struct qemu_spec *s = &a->spec;

	*ret_known = true;
	if (strcmp(opt, "-f") == 0)
		a->file = v;
	else if (strcmp(opt, "--overlay") == 0)
		s->overlay = v;
	else if (strcmp(opt, "--append") == 0)
		s->append = v;
	else if (strcmp(opt, "--serial") == 0)
		s->serial = v;
	else if (strcmp(opt, "--pid-file") == 0)
		s->pid_file = v;
	else if (strcmp(opt, "--disk") == 0 && s->disks_len < QEMU_EXTRA_MAX)
		s->disks[s->disks_len++] = v;
	else if (strcmp(opt, "--segment") == 0 && s->segments_len < QEMU_EXTRA_MAX)
		s->segments[s->segments_len++] = v;
	else
		*ret_known = false;
	return 0;
}

static int take_value(struct run_args *a, const char *opt, const char *v, struct err *err)
{
	struct qemu_spec *s = &a->spec;
	bool known;
	int r = take_text(a, opt, v, &known);

	if (r < 0 || known)
		return r;
	if (strcmp(opt, "--bus") == 0) {
		r = qemu_bus_from_string(v);
		if (r >= 0)
			s->bus = (enum qemu_bus)r;
	} else if (strcmp(opt, "--memory") == 0) {
		r = size_parse(v, &s->memory_bytes);
	} else if (strcmp(opt, "--disk-size") == 0) {
		r = size_parse(v, &s->disk_bytes);
	} else if (strcmp(opt, "--cpus") == 0) {
		r = u32_parse_between(v, 1, 64, &s->cpus);
	} else if (strcmp(opt, "--ssh-port") == 0) {
		r = u32_parse_between(v, 1, 65535, &s->ssh_port);
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
		else if (a->node)
			return usage(err, "one node at a time, not also", s);
		else
			a->node = s;
		if (r != 0)
			return r;
	}
	if (!a->node) {
		(void)err_setf(err, -EINVAL, "which node? 'kiln run --help' tells more");
		return CMD_USAGE;
	}
	return 0;
}

static void print_command(const struct qemu *q)
{
	for (size_t i = 0; q->argv[i]; i++) {
		bool plain = strpbrk(q->argv[i], " \t\"'$&;<>|()*?#~\\") == NULL && *q->argv[i];

		printf("%s%s%s%s", i ? " " : "", plain ? "" : "'", q->argv[i], plain ? "" : "'");
	}
	putchar('\n');
}

static int start(const struct qemu *q, const struct run_args *a, struct err *err)
{
	cleanup_spawn struct spawn s = {
		.argv = q->argv,
		.flags = SPAWN_TTY | SPAWN_INHERIT_STDOUT | SPAWN_INHERIT_STDERR,
	};

	fprintf(stderr, "kiln run: %s by %s", a->node,
		a->spec.kvm ? "KVM" : "TCG (slow: no KVM that works)");
	if (a->spec.segments_len == 0)
		fprintf(stderr,
			"; ssh -p %u -o UserKnownHostsFile=out/known_hosts -o HostKeyAlias=%s "
			"%s@127.0.0.1",
			a->spec.ssh_port, a->node, a->spec.cluster->system.user);
	fprintf(stderr, "\n");
	return spawn_run(&s, err);
}

static int run(struct run_args *a, struct err *err)
{
	cleanup_cluster struct cluster *c = NULL;
	cleanup_board struct board *board = NULL;
	cleanup_free char *image = NULL;
	cleanup_qemu struct qemu q = { 0 };
	const struct node *n = NULL;
	int r;

	r = cluster_open(a->file, &c, err);
	if (r == 0)
		r = cluster_open_node(c, a->node, &n, err);
	if (r == 0)
		r = board_load(n->board, &board, err);
	if (r == 0 && a->spec.ssh_port == 0)
		r = qemu_free_port(&a->spec.ssh_port, err);
	if (r < 0)
		return r;
	image = image_out_path(c, n->name, IMAGE_SUFFIX);
	if (!image)
		return err_nomem(err);
	if (a->spec.append && board->boot != BOOT_RPI)
		return err_setf(err, -EINVAL,
				"--append: the command line of board '%s' is in its image",
				board->name);
	a->spec.cluster = c;
	a->spec.node = n;
	a->spec.board = board;
	a->spec.image = image;
	a->spec.kvm =
		a->accel == ACCEL_KVM || (a->accel == ACCEL_PROBE && qemu_kvm_works(&a->spec));
	r = qemu_init(&q, &a->spec, err);
	if (r < 0)
		return r;
	if (a->print) {
		print_command(&q);
		return 0;
	}
	return start(&q, a, err);
}

int cmd_run(int argc, char **argv, struct err *err)
{
	struct run_args a = { .file = CLUSTER_FILE };
	int r = parse_args(argc, argv, &a, err);

	return r != 0 ? r : run(&a, err);
}
