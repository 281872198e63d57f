#include "qemu-kvm.h"
#include "log.h"
#include "qemu-boot.h"
#include "spawn.h"

#include <limits.h>
#include <string.h>

#define KVM_PROBE_MS 8000

struct probe {
	char tail[64];
	bool seen;
};

static int watch(void *arg, const char *data, size_t len)
{
	static const char first_line[] = "Linux version";
	struct probe *p = arg;
	size_t have = strlen(p->tail);

	for (size_t i = 0; i < len && !p->seen; i++) {
		if (have == sizeof(first_line) - 1) {
			memmove(p->tail, p->tail + 1, have - 1);
			have--;
		}
		p->tail[have++] = data[i];
		p->tail[have] = '\0';
		p->seen = strcmp(p->tail, first_line) == 0;
	}
	return p->seen ? -ECANCELED : 0;
}

static bool same_arch(const struct board *b)
{
#if defined(__x86_64__)
	return strcmp(b->arch, "amd64") == 0;
#elif defined(__aarch64__)
	return strcmp(b->arch, "arm64") == 0;
#else
	return false;
#endif
}

bool qemu_kvm_works(const struct qemu_spec *s)
{
	cleanup_tempfile struct tempfile *dir = NULL;
	cleanup_boot_read struct boot_read b = { 0 };
	char kernel[PATH_MAX], append[64];
	bool arm = strcmp(s->board->arch, "arm64") == 0;
	const char *const argv[] = { arm ? "qemu-system-aarch64" : "qemu-system-x86_64",
				     "-machine",
				     arm ? "virt,gic-version=host" : "q35",
				     "-accel",
				     "kvm",
				     "-cpu",
				     "host",
				     "-m",
				     "512M",
				     "-nodefaults",
				     "-display",
				     "none",
				     "-no-reboot",
				     "-serial",
				     "stdio",
				     "-kernel",
				     kernel,
				     "-append",
				     append,
				     NULL };
	struct probe p = { 0 };
	cleanup_spawn struct spawn run = {
		.argv = argv, .timeout_ms = KVM_PROBE_MS, .out_fn = watch, .arg = &p
	};
	struct err ignored = { 0 };

	if (!same_arch(s->board) || access("/dev/kvm", R_OK | W_OK) < 0 ||
	    tempfile_new_dir(NULL, "kiln-kvm.", &dir, &ignored) < 0 ||
	    qemu_boot_extract(s, dir->path, &b, &ignored) < 0)
		return false;
	(void)snprintf(kernel, sizeof(kernel), "%s/kernel", dir->path);
	(void)snprintf(append, sizeof(append), "earlycon=%s console=%s panic=-1",
		       arm ? "pl011" : "uart8250,io,0x3f8", s->board->qemu.console);
	int r = spawn_run(&run, &ignored);

	log_debugf("KVM probe: %s (%d)", p.seen ? "the kernel starts" : "no line of the kernel", r);
	return p.seen;
}
