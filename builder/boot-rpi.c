/*
 * Raspberry Pi 5: its EEPROM reads config.txt, the kernel, the initrd, the device tree,
 * its overlays and cmdline.txt from the FAT and starts the kernel itself.
 *
 * The kernel is gzipped: Debian's raw one has 51.6 MB, more than EEPROMs before June 2025
 * read from NVMe. On a D0 board the firmware applies overlays/bcm2712d0.dtbo to the C0
 * tree; ours (boards/rpi5/bcm2712d0.dtso) must give what the kernel's own D0 tree says,
 * and is compared with it here for every kernel.
 */
#include "boot.h"
#include "bootfiles.h"
#include "cluster.h"
#include "gzip.h"
#include "spawn.h"
#include "tempfile.h"

#include <limits.h>
#include <string.h>

#define KERNEL_MAX ((size_t)256 << 20)
#define ARM64_MAGIC_AT 0x38 /* Documentation/arch/arm64/booting.rst */
#define TOOL_TIMEOUT_MS 60000
#define DTC_OUT_MAX ((size_t)4 << 20)

static int check_kernel(const char *data, size_t len, struct err *err)
{
	if (len < 64 || memcmp(data + ARM64_MAGIC_AT, "ARM\x64", 4) != 0)
		return err_setf(
			err, -EBADMSG,
			"the kernel is no raw arm64 image: the firmware would not start it");
	return 0;
}

static int stage_kernel(const struct boot_spec *spec, const char *dir, struct err *err)
{
	char new_place[PATH_MAX], old_place[PATH_MAX], name[NAME_MAX];
	const char *places[] = { new_place, old_place, NULL }, *path = NULL;
	cleanup_free char *raw = NULL, *packed = NULL;
	size_t raw_len = 0, packed_len = 0;
	int r;

	(void)snprintf(new_place, sizeof(new_place), "usr/lib/modules/%s/vmlinuz", spec->release);
	(void)snprintf(old_place, sizeof(old_place), "boot/vmlinuz-%s", spec->release);
	(void)snprintf(name, sizeof(name), "vmlinuz-%s", spec->release);
	r = boot_find(spec, places, "kernel", &path, err);
	if (r == 0)
		r = boot_read(spec, path, KERNEL_MAX, &raw, &raw_len, err);
	if (r == 0)
		r = check_kernel(raw, raw_len, err);
	if (r == 0)
		r = gzip_mem(raw, raw_len, &packed, &packed_len, err);
	if (r == 0)
		r = boot_stage_text(spec, dir, name, packed, packed_len, err);
	return r;
}

static int stage_dtb(const struct boot_spec *spec, const char *name, const char *dir,
		     struct err *err)
{
	char new_place[PATH_MAX], old_place[PATH_MAX];
	const char *places[] = { new_place, old_place, NULL }, *path = NULL;
	int r;

	(void)snprintf(new_place, sizeof(new_place), "usr/lib/modules/%s/dtb/broadcom/%s",
		       spec->release, name);
	(void)snprintf(old_place, sizeof(old_place), "usr/lib/linux-image-%s/broadcom/%s",
		       spec->release, name);
	r = boot_find(spec, places, "device tree (kernel 7.2 or later has it)", &path, err);
	if (r == 0)
		r = boot_stage_copy(spec, path, dir, name, err);
	return r;
}

/* dtc's output: a sorted source of a tree, or a tree of a source. */
static int run_dtc(const char *const *argv, struct spawn *s, struct err *err)
{
	*s = (struct spawn){ .argv = argv, .timeout_ms = TOOL_TIMEOUT_MS, .out_max = DTC_OUT_MAX };
	return spawn_run(s, err);
}

static int dts_of(const char *dtb, struct spawn *ret, struct err *err)
{
	const char *const argv[] = { "dtc", "-q", "-s", "-I", "dtb", "-O", "dts", dtb, NULL };

	return run_dtc(argv, ret, err);
}

/* fdtoverlay stands in for the firmware; the result must be the kernel's own D0 tree. */
static int check_overlay(const char *dir, const char *work, struct err *err)
{
	cleanup_spawn struct spawn made = { 0 }, want = { 0 };
	char c0[PATH_MAX], d0[PATH_MAX], overlay[PATH_MAX], out[PATH_MAX];
	const char *const argv[] = { "fdtoverlay", "-i", c0, "-o", out, overlay, NULL };
	cleanup_spawn struct spawn s = { .argv = argv, .timeout_ms = TOOL_TIMEOUT_MS };
	int r;

	(void)snprintf(c0, sizeof(c0), "%s/%s", dir, BOOTFILES_DTB_C0);
	(void)snprintf(d0, sizeof(d0), "%s/%s", dir, BOOTFILES_DTB_D0);
	(void)snprintf(overlay, sizeof(overlay), "%s/%s", dir, BOOTFILES_D0_OVERLAY);
	(void)snprintf(out, sizeof(out), "%s/d0.dtb", work);
	r = spawn_run(&s, err);
	if (r < 0)
		return err_wrapf(err, r,
				 "the D0 overlay does not apply to this kernel's device tree");
	r = dts_of(out, &made, err);
	if (r == 0)
		r = dts_of(d0, &want, err);
	if (r < 0)
		return r;
	if (made.out_len != want.out_len || memcmp(made.out, want.out, made.out_len) != 0)
		return err_setf(
			err, -EBADMSG,
			"the D0 overlay does not give this kernel's own D0 device tree: "
			"boards/rpi5/bcm2712d0.dtso needs the differences between %s and %s",
			BOOTFILES_DTB_C0, BOOTFILES_DTB_D0);
	return 0;
}

static int stage_overlay(const struct boot_spec *spec, const char *dir, struct err *err)
{
	cleanup_tempfile struct tempfile *work = NULL;
	cleanup_spawn struct spawn dtbo = { 0 };
	char source[PATH_MAX];
	const char *const argv[] = { "dtc", "-q", "-@", "-I", "dts", "-O", "dtb", source, NULL };
	int r;

	(void)snprintf(source, sizeof(source), "%s/bcm2712d0.dtso", spec->board->dir);
	r = run_dtc(argv, &dtbo, err);
	if (r < 0)
		return err_wrapf(err, r, "cannot compile '%s'", source);
	r = boot_stage_text(spec, dir, BOOTFILES_D0_OVERLAY, dtbo.out, dtbo.out_len, err);
	if (r == 0)
		r = tempfile_new_dir(NULL, "kiln-dt", &work, err);
	if (r == 0)
		r = check_overlay(dir, work->path, err);
	return r;
}

static int stage_texts(const struct boot_spec *spec, const char *dir, struct err *err)
{
	struct bootfiles_cmdline c = {
		.words = spec->board->kernel.cmdline.items,
		.words_len = spec->board->kernel.cmdline.len,
		.root_uuid = spec->root_uuid,
		.boot_uuid = spec->boot_uuid,
	};
	cleanup_buf struct buf line = BUF_INIT(65536), config = BUF_INIT(65536);
	int r;

	r = bootfiles_add_cmdline(&line, &c, err);
	if (r == 0)
		r = buf_addc(&line, '\n');
	if (r == 0)
		r = bootfiles_add_config(&config, spec->release, NULL, err);
	if (r == 0)
		r = boot_stage_text(spec, dir, "cmdline.txt", line.data, line.len, err);
	if (r == 0)
		r = boot_stage_text(spec, dir, "config.txt", config.data, config.len, err);
	return r;
}

static int stage(const struct boot_spec *spec, const char *dir, struct err *err)
{
	int r;

	r = stage_kernel(spec, dir, err);
	if (r == 0)
		r = stage_dtb(spec, BOOTFILES_DTB_C0, dir, err);
	if (r == 0)
		r = stage_dtb(spec, BOOTFILES_DTB_D0, dir, err);
	if (r == 0)
		r = stage_overlay(spec, dir, err);
	if (r == 0)
		r = stage_texts(spec, dir, err);
	return r;
}

static int node_files(const struct boot_spec *spec, const struct node *node, struct fileset *ret,
		      struct err *err)
{
	const char *tree = node->stepping == STEPPING_C0   ? BOOTFILES_DTB_C0
			   : node->stepping == STEPPING_D0 ? BOOTFILES_DTB_D0
							   : NULL;
	cleanup_buf struct buf config = BUF_INIT(65536);
	struct fileset_entry e = { .path = (char *)"/config.txt",
				   .type = FILESET_FILE,
				   .mode = 0644 };
	int r;

	r = bootfiles_add_config(&config, spec->release, tree, err);
	if (r < 0)
		return r;
	e.data = config.data;
	e.len = config.len;
	return fileset_add(ret, &e, err);
}

const struct boot_method boot_rpi = { "rpi", stage, node_files };
