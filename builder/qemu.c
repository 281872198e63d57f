#include "qemu.h"
#include "copy.h"
#include "qemu-boot.h"
#include "qemu-net.h"
#include "spawn.h"

#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <string.h>

#define DISK_BYTES (UINT64_C(32) << 30) /* a power of two: SD cards must be */
/* instead of 90 s */
#define PATIENCE " systemd.default_timeout_start_sec=900 systemd.default_device_timeout_sec=900"

static const char *const bus_names[] = { "nvme", "sata", "usb", "sd", "virtio" };

int qemu_bus_from_string(const char *s)
{
	for (size_t i = 0; i < ARRAY_SIZE(bus_names); i++)
		if (strcmp(bus_names[i], s) == 0)
			return (int)i;
	return -EINVAL;
}

void qemu_done(struct qemu *q)
{
	for (size_t i = 0; i < q->owned_len; i++)
		free(q->owned[i]);
	tempfile_free(q->dir);
	*q = (struct qemu){ 0 };
}

static void add(struct qemu *q, const char *arg)
{
	if (q->argc + 1 < QEMU_ARGS_MAX)
		q->argv[q->argc++] = arg;
}

/* A text made here; too many or no memory shows as a missing argument, checked at the end. */
static void addf(struct qemu *q, const char *fmt, ...) PRINTF_LIKE(2, 3);
static void addf(struct qemu *q, const char *fmt, ...)
{
	char *text = NULL;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vasprintf(&text, fmt, ap);
	va_end(ap);
	if (n < 0 || q->owned_len + 1 >= QEMU_ARGS_MAX) {
		if (n >= 0)
			free(text);
		q->argc = QEMU_ARGS_MAX;
		return;
	}
	q->owned[q->owned_len++] = text;
	add(q, text);
}

static int find_firmware(const char **ret_code, const char **ret_vars, struct err *err)
{
	/* Debian's ovmf; VARS.ms has Microsoft's keys enrolled: Secure Boot is on */
	static const char *const pairs[][2] = {
		{ "/usr/share/OVMF/OVMF_CODE_4M.secboot.fd", "/usr/share/OVMF/OVMF_VARS_4M.ms.fd" },
		{ "/usr/share/OVMF/OVMF_CODE_4M.ms.fd", "/usr/share/OVMF/OVMF_VARS_4M.ms.fd" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(pairs); i++) {
		if (access(pairs[i][0], R_OK) == 0 && access(pairs[i][1], R_OK) == 0) {
			*ret_code = pairs[i][0];
			*ret_vars = pairs[i][1];
			return 0;
		}
	}
	return err_setf(err, -ENOENT,
			"no OVMF firmware with Secure Boot: install the package ovmf ('%s')",
			pairs[0][0]);
}

static int copy_file(const char *from, const char *to, struct err *err)
{
	cleanup_close int in = neg_errno(open(from, O_RDONLY | O_CLOEXEC));
	cleanup_close int out = -EBADF;

	if (in < 0)
		return err_errnof(err, in, "cannot open '%s'", from);
	out = neg_errno(open(to, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
	if (out < 0)
		return err_errnof(err, out, "cannot create '%s'", to);
	return copy_sparse(in, out, NULL, err);
}

static int add_firmware(struct qemu *q, struct err *err)
{
	const char *code = NULL, *vars = NULL;
	char path[PATH_MAX];
	int r;

	r = find_firmware(&code, &vars, err);
	(void)snprintf(path, sizeof(path), "%s/vars.fd", q->dir->path);
	if (r == 0)
		r = copy_file(vars, path, err);
	if (r < 0)
		return r;
	add(q, "-global");
	add(q, "driver=cfi.pflash01,property=secure,value=on");
	add(q, "-drive");
	addf(q, "if=pflash,format=raw,unit=0,readonly=on,file=%s", code);
	add(q, "-drive");
	addf(q, "if=pflash,format=raw,unit=1,file=%s", path);
	return 0;
}

static int add_kernel(struct qemu *q, const struct qemu_spec *s, struct err *err)
{
	cleanup_boot_read struct boot_read b = { 0 };
	int r;

	r = qemu_boot_extract(s, q->dir->path, &b, err);
	if (r < 0)
		return r;
	add(q, "-kernel");
	addf(q, "%s/kernel", q->dir->path);
	add(q, "-initrd");
	addf(q, "%s/initrd", q->dir->path);
	add(q, "-append");
	addf(q, "%s console=%s%s%s%s", b.cmdline, s->board->qemu.console, s->kvm ? "" : PATIENCE,
	     s->append ? " " : "", s->append ? s->append : "");
	return 0;
}

static int make_overlay(const struct qemu_spec *s, const char *path, struct err *err)
{
	char size[32];
	cleanup_free char *image = realpath(s->image, NULL);
	const char *const argv[] = { "qemu-img", "create", "-q",  "-f", "qcow2", "-F",
				     "raw",	 "-b",	   image, path, size,	 NULL };
	cleanup_spawn struct spawn run = { .argv = argv, .timeout_ms = 60000 };

	if (!image)
		return qemu_no_image(s, -errno, err);
	(void)snprintf(size, sizeof(size), "%llu",
		       (unsigned long long)(s->disk_bytes ? s->disk_bytes : DISK_BYTES));
	return spawn_run(&run, err);
}

static void add_bus(struct qemu *q, const struct qemu_spec *s)
{
	const char *index = s->board->qemu.firmware ? ",bootindex=0" : "";

	switch (s->bus) {
	case QEMU_NVME:
		add(q, "-device");
		addf(q, "nvme,drive=system,serial=KILN-%s%s", s->node->name, index);
		break;
	case QEMU_SATA:
		add(q, "-device");
		add(q, "ich9-ahci,id=sata");
		add(q, "-device");
		addf(q, "ide-hd,bus=sata.0,drive=system,serial=KILN-%s%s", s->node->name, index);
		break;
	case QEMU_USB:
		add(q, "-device");
		addf(q, "usb-storage,drive=system,serial=KILN-%s%s", s->node->name, index);
		break;
	case QEMU_SD:
		add(q, "-device");
		add(q, "sdhci-pci");
		add(q, "-device");
		add(q, "sd-card,drive=system");
		break;
	case QEMU_VIRTIO:
		add(q, "-device");
		addf(q, "virtio-blk-pci,drive=system,serial=KILN-%s%s", s->node->name, index);
		break;
	}
}

static int add_disks(struct qemu *q, const struct qemu_spec *s, struct err *err)
{
	char path[PATH_MAX];
	int r = 0;

	if (s->overlay)
		(void)snprintf(path, sizeof(path), "%s", s->overlay);
	else
		(void)snprintf(path, sizeof(path), "%s/system.qcow2", q->dir->path);
	if (!s->overlay || access(path, F_OK) < 0)
		r = make_overlay(s, path, err);
	if (r < 0)
		return r;
	add(q, "-drive");
	addf(q, "if=none,id=system,format=qcow2,cache=writeback,discard=unmap,file=%s", path);
	add_bus(q, s);
	for (size_t i = 0; i < s->disks_len; i++) {
		add(q, "-drive");
		addf(q, "if=none,id=disk%zu,format=raw,discard=unmap,file=%s", i + 1, s->disks[i]);
		add(q, "-device");
		addf(q, "nvme,drive=disk%zu,serial=kiln%zu", i + 1, i + 1);
	}
	return 0;
}

/* With a segment the node's own NIC is there: its uplink is the segment's affair. */
static int add_nets(struct qemu *q, const struct qemu_spec *s, struct err *err)
{
	const char *nic = s->board->boot == BOOT_UEFI ? "e1000e" : "virtio-net-pci";
	struct mac_addr m = s->node->mac;
	char mac[IP_TEXT_MAX];
	int r;

	if (s->segments_len == 0) {
		struct qemu_forward ssh = { s->ssh_port, s->node, 22 };
		cleanup_free char *user = NULL;

		r = qemu_user_net(s->cluster, "net0", &ssh, 1, &user, err);
		if (r < 0)
			return r;
		add(q, "-netdev");
		addf(q, "%s", user);
		add(q, "-device");
		addf(q, "%s,netdev=net0,romfile=,mac=%s", nic, mac_addr_format(&m, mac));
	}
	for (size_t i = 0; i < s->segments_len; i++) {
		if (i > 0)
			m.bytes[0] ^= 2; /* a locally administered neighbour of the node's own */
		add(q, "-netdev");
		addf(q, "stream,id=seg%zu,server=off,addr.type=unix,addr.path=%s", i,
		     s->segments[i]);
		add(q, "-device");
		addf(q, "%s,netdev=seg%zu,romfile=,mac=%s", nic, i, mac_addr_format(&m, mac));
		m.bytes[5]++;
	}
	return 0;
}

static void add_machine(struct qemu *q, const struct qemu_spec *s)
{
	const struct board *b = s->board;

	add(q, strcmp(b->arch, "arm64") == 0 ? "qemu-system-aarch64" : "qemu-system-x86_64");
	add(q, "-name");
	add(q, s->node->name);
	add(q, "-machine");
	addf(q, "%s", b->qemu.machine);
	add(q, "-accel");
	add(q, s->kvm ? "kvm" : "tcg,thread=multi");
	add(q, "-cpu");
	addf(q, "%s", s->kvm ? "host" : b->qemu.cpu);
	add(q, "-smp");
	addf(q, "%u", s->cpus ? s->cpus : 2);
	add(q, "-m");
	addf(q, "%lluM",
	     (unsigned long long)((s->memory_bytes ? s->memory_bytes : b->qemu.memory_bytes) >>
				  20));
	add(q, "-nodefaults");
	add(q, "-display");
	add(q, "none");
	add(q, "-device");
	add(q, "virtio-rng-pci"); /* without it OVMF 2025 has no network boot, and Linux waits for
				     entropy */
	add(q, "-device");
	add(q, "qemu-xhci");
}

/*
 * What the machine lacks is said to the kernel, never in the image: under TCG on a busy desk
 * the timer ticks late, and x86 takes that for a broken board and panics; and systemd gives up
 * on services that only wait for a turn. systemd-boot adds what the firmware tables say.
 */
static void add_words(struct qemu *q, const struct qemu_spec *s)
{
	if (!s->board->qemu.firmware || s->kvm)
		return;
	add(q, "-smbios");
	add(q, "type=11,value=io.systemd.boot.kernel-cmdline-extra=no_timer_check" PATIENCE);
}

static void add_console(struct qemu *q, const struct qemu_spec *s)
{
	add(q, "-monitor");
	add(q, "none");
	add(q, "-serial");
	if (s->serial)
		addf(q, "file:%s", s->serial);
	else
		add(q, isatty(STDIN_FILENO) ? "mon:stdio" : "stdio");
	if (s->pid_file) {
		add(q, "-pidfile");
		add(q, s->pid_file);
	}
}

int qemu_init(struct qemu *q, const struct qemu_spec *spec, struct err *err)
{
	int r;

	r = tempfile_new_dir(NULL, "kiln-run.", &q->dir, err);
	if (r < 0)
		return r;
	add_machine(q, spec);
	r = spec->board->qemu.firmware ? add_firmware(q, err) : add_kernel(q, spec, err);
	if (r == 0)
		r = add_disks(q, spec, err);
	if (r == 0)
		r = add_nets(q, spec, err);
	if (r < 0)
		return r;
	add_words(q, spec);
	add_console(q, spec);
	if (q->argc >= QEMU_ARGS_MAX)
		return err_setf(err, -E2BIG, "the command line of QEMU has too many words");
	q->argv[q->argc] = NULL;
	return 0;
}
