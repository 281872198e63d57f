/* lint-boot's rules for the EEPROM of a Raspberry Pi 5; documents are raspberrypi/documentation's.
 */
#include "bootfiles.h"
#include "lint-boot.h"
#include "spawn.h"
#include "tempfile.h"

#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <strings.h>
#include <zlib.h>

#define BASIC_DATA "ebd0a0a2-b9e5-4433-87c0-68b6b72699c7"
#define KERNEL_MAX (UINT64_C(32) << 20) /* EEPROMs before 2025-06-09 read no more from NVMe */
#define TEXT_MAX ((size_t)64 << 10)
#define DTB_MAX ((size_t)2 << 20)
#define TOOL_TIMEOUT_MS 60000

static int gpt_type(const struct lint_image *i, struct err *err)
{
	if (strcasecmp(i->gpt->parts[0].type, BASIC_DATA) != 0)
		return LINT_BAD(err, "entry 1 has the type %s, not basic data (%s)",
				i->gpt->parts[0].type, BASIC_DATA);
	return 0;
}

static int read_config(const struct lint_image *i, char **ret, size_t *ret_len, struct err *err)
{
	int r = fat_read(i->fat, "config.txt", TEXT_MAX, ret, ret_len, err);

	return r == -ENOENT || r == -EFBIG ? -EBADMSG : r;
}

static int config_size(const struct lint_image *i, struct err *err)
{
	cleanup_free char *text = NULL;
	size_t len = 0;
	int r = read_config(i, &text, &len, err);

	if (r == 0 && len > BOOTFILES_CONFIG_MAX)
		r = LINT_BAD(err,
			     "config.txt has %zu bytes; about 16 KiB stop a Pi 5, Kiln allows %d",
			     len, BOOTFILES_CONFIG_MAX);
	return r;
}

/* Calls fn for each line of config.txt until it says no. */
static int each_line(const struct lint_image *i,
		     int (*fn)(const char *line, size_t len, struct err *err), struct err *err)
{
	cleanup_free char *text = NULL;
	size_t total = 0;
	int r = read_config(i, &text, &total, err);

	for (char *p = text; r == 0 && *p;) {
		size_t n = strcspn(p, "\n");
		bool more = p[n] == '\n';

		p[n] = '\0';
		r = fn(p, n, err);
		p += n + (more ? 1 : 0);
	}
	return r;
}

static int line_length(const char *line, size_t len, struct err *err)
{
	if (len > BOOTFILES_CONFIG_LINE_MAX)
		return LINT_BAD(err,
				"a line of config.txt has %zu characters, the firmware cuts at %d: "
				"'%.20s...'",
				len, BOOTFILES_CONFIG_LINE_MAX, line);
	return 0;
}

static int line_form(const char *line, size_t len, struct err *err)
{
	const char *eq = strchr(line, '=');

	if (len == 0 || *line == '#' || *line == '[')
		return 0;
	if (strchr(line, '\r'))
		return LINT_BAD(err, "config.txt has carriage returns");
	if (strncmp(line, "initramfs", 9) == 0) {
		if (eq)
			return LINT_BAD(err, "'initramfs' takes no '=': '%s'", line);
		return 0;
	}
	if (*line == ' ' || *line == '\t' || !eq)
		return LINT_BAD(err, "not a 'key=value' line of config.txt: '%s'", line);
	if ((eq > line && eq[-1] == ' ') || eq[1] == ' ')
		return LINT_BAD(err, "blanks around '=' in config.txt: '%s'", line);
	if (strchr(eq, '#'))
		return LINT_BAD(err, "a comment behind a value becomes part of it: '%s'", line);
	return 0;
}

static int line_vendor(const char *line, size_t len, struct err *err)
{
	(void)len;
	if (strncmp(line, "dtparam=", 8) == 0 || strncmp(line, "dtoverlay=", 10) == 0)
		return LINT_BAD(
			err,
			"'%s' is for Raspberry Pi's own device tree; mainline's has no parameters",
			line);
	if (strncmp(line, "os_prefix=", 10) == 0 || strncmp(line, "include ", 8) == 0 ||
	    strncmp(line, "upstream_kernel=", 16) == 0 || strncmp(line, "os_check=", 9) == 0)
		return LINT_BAD(err, "'%s' changes which files the firmware takes", line);
	return 0;
}

static int config_lines(const struct lint_image *i, struct err *err)
{
	return each_line(i, line_length, err);
}
static int config_form(const struct lint_image *i, struct err *err)
{
	return each_line(i, line_form, err);
}
static int config_vendor(const struct lint_image *i, struct err *err)
{
	return each_line(i, line_vendor, err);
}

static int no_redirect(const struct lint_image *i, struct err *err)
{
	static const char *const names[] = { "autoboot.txt", "tryboot.txt", "pieeprom.upd",
					     "recovery.bin", "boot.img" };

	for (size_t k = 0; k < ARRAY_SIZE(names); k++)
		if (fat_find(i->fat, names[k]))
			return LINT_BAD(err, "'%s' makes the firmware do something else first",
					names[k]);
	return 0;
}

static int cmdline_form(const struct lint_image *i, struct err *err)
{
	cleanup_free char *text = NULL;
	size_t len = 0, line;
	int r = fat_read(i->fat, "cmdline.txt", TEXT_MAX, &text, &len, err);

	if (r < 0)
		return r == -ENOENT || r == -EFBIG ? -EBADMSG : r;
	line = strcspn(text, "\n");
	if (line > BOOTFILES_CMDLINE_MAX)
		return LINT_BAD(err, "cmdline.txt has %zu characters, the firmware takes %d", line,
				BOOTFILES_CMDLINE_MAX);
	if (line + 1 < len)
		return LINT_BAD(err,
				"cmdline.txt has more than one line; the firmware reads the first");
	if (!strstr(text, "console=ttyAMA10,"))
		return LINT_BAD(
			err, "cmdline.txt names no console=ttyAMA10,115200, the Pi 5's debug port");
	return 0;
}

/* The first bytes of the kernel once unpacked. */
static int kernel_head(const char *data, size_t len, char head[64], struct err *err)
{
	z_stream z = { .next_in = (Bytef *)(uintptr_t)data,
		       .avail_in = (uInt)len,
		       .next_out = (Bytef *)head,
		       .avail_out = 64 };
	int r;

	if (len < 64 || memcmp(data, "\x1f\x8b", 2) != 0) {
		memcpy(head, data, len < 64 ? len : 64);
		return 0;
	}
	if (inflateInit2(&z, 15 + 16) != Z_OK)
		return err_nomem(err);
	r = inflate(&z, Z_SYNC_FLUSH);
	(void)inflateEnd(&z);
	return z.avail_out == 0 || r == Z_STREAM_END
		       ? 0
		       : LINT_BAD(err, "the kernel is a damaged gzip file");
}

static int kernel_form(const struct lint_image *i, struct err *err)
{
	const struct fat_entry *e = i->started ? fat_find(i->fat, i->start.kernel) : NULL;
	cleanup_free char *data = NULL;
	char head[64] = { 0 };
	size_t len = 0;
	int r;

	if (!e)
		return 0;
	if (e->size_bytes > KERNEL_MAX)
		return LINT_BAD(err,
				"the kernel has %llu bytes; EEPROMs before June 2025 read at most "
				"32 MB from NVMe",
				(unsigned long long)e->size_bytes);
	r = fat_read(i->fat, i->start.kernel, (size_t)KERNEL_MAX, &data, &len, err);
	if (r == 0)
		r = kernel_head(data, len, head, err);
	if (r < 0)
		return r;
	if (memcmp(head + 4, "zimg", 4) == 0)
		return LINT_BAD(
			err, "the kernel is an EFI zboot image; the firmware knows raw and gzip");
	if (memcmp(head + 0x38, "ARM\x64", 4) != 0)
		return LINT_BAD(err, "the kernel is neither a raw arm64 image nor gzip of one");
	return 0;
}

/* The string list "compatible" of the root node, as fdtget prints it. */
static int dtb_compatible(const struct lint_image *i, struct err *err)
{
	cleanup_free char *data = NULL;
	size_t len = 0;
	int r;

	if (!i->started)
		return 0;
	r = fat_read(i->fat, i->start.device_tree, DTB_MAX, &data, &len, err);
	if (r < 0)
		return r == -ENOENT || r == -EFBIG ? -EBADMSG : r;
	if (len < 40 || memcmp(data, "\xd0\x0d\xfe\xed", 4) != 0)
		return LINT_BAD(err, "'%s' is no device tree", i->start.device_tree);
	/* root's own properties come first in the structure block; the string is in no other place
	 * of a Pi's tree head */
	if (!memmem(data, len < 512 ? len : 512, "brcm,bcm2712", sizeof("brcm,bcm2712")))
		return LINT_BAD(err,
				"'%s' is not compatible with 'brcm,bcm2712': the firmware refuses "
				"the system",
				i->start.device_tree);
	return 0;
}

static int extract(const struct lint_image *i, const char *name, const char *dir, const char *as,
		   struct err *err)
{
	const struct fat_entry *e = fat_find(i->fat, name);
	cleanup_close int fd = -EBADF;
	char path[PATH_MAX];

	if (!e)
		return LINT_BAD(err,
				"'%s' is missing: a board of the other stepping would not start",
				name);
	(void)snprintf(path, sizeof(path), "%s/%s", dir, as);
	fd = neg_errno(open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
	if (fd < 0)
		return err_errnof(err, fd, "cannot create '%s'", path);
	return fat_extract(i->fat, e, fd, err);
}

static int source_of(const char *dir, const char *name, struct spawn *ret, struct err *err)
{
	const char *const argv[] = { "dtc", "-q", "-s", "-I", "dtb", "-O", "dts", name, NULL };

	*ret = (struct spawn){
		.argv = argv, .dir = dir, .timeout_ms = TOOL_TIMEOUT_MS, .out_max = DTB_MAX * 2
	};
	return spawn_run(ret, err);
}

/* What the firmware does on a D0 board: apply the overlay to the C0 tree. */
static int d0_overlay(const struct lint_image *i, struct err *err)
{
	const char *const argv[] = {
		"fdtoverlay", "-i", "c0.dtb", "-o", "made.dtb", "d0.dtbo", NULL
	};
	cleanup_spawn struct spawn made = { 0 }, want = { 0 };
	cleanup_tempfile struct tempfile *dir = NULL;
	int r;

	r = tempfile_new_dir(NULL, "kiln-lint.", &dir, err);
	if (r == 0)
		r = extract(i, BOOTFILES_DTB_C0, dir->path, "c0.dtb", err);
	if (r == 0)
		r = extract(i, BOOTFILES_DTB_D0, dir->path, "d0.dtb", err);
	if (r == 0)
		r = extract(i, BOOTFILES_D0_OVERLAY, dir->path, "d0.dtbo", err);
	if (r < 0)
		return r;
	cleanup_spawn struct spawn s = { .argv = argv,
					 .dir = dir->path,
					 .timeout_ms = TOOL_TIMEOUT_MS };

	r = spawn_run(&s, err);
	if (r == -ECHILD)
		return LINT_BAD(err,
				"'%s' does not apply: the firmware would skip it without a word",
				BOOTFILES_D0_OVERLAY);
	if (r == 0)
		r = source_of(dir->path, "made.dtb", &made, err);
	if (r == 0)
		r = source_of(dir->path, "d0.dtb", &want, err);
	if (r < 0)
		return r == -ECHILD ? -EBADMSG : r;
	if (made.out_len != want.out_len || memcmp(made.out, want.out, made.out_len) != 0)
		return LINT_BAD(err, "'%s' does not give what '%s' says", BOOTFILES_D0_OVERLAY,
				BOOTFILES_DTB_D0);
	return 0;
}

const struct lint_rule lint_rules_rpi[] = {
	{ "rpi-gpt-type", LINT_RPI, "rpi-image-gen ab_userdata; rpi-eeprom#818", gpt_type },
	{ "rpi-config-size", LINT_RPI, "meta-raspberrypi#917", config_size },
	{ "rpi-config-lines", LINT_RPI, "raspberrypi/firmware#1848", config_lines },
	{ "rpi-config-form", LINT_RPI, "config.adoc; raspberrypi/firmware#1669", config_form },
	{ "rpi-config-keys", LINT_RPI,
	  "boot.adoc: os_prefix, os_check; hardware notes on mainline trees", config_vendor },
	{ "rpi-no-redirect", LINT_RPI, "autoboot.adoc; eeprom-bootloader.adoc", no_redirect },
	{ "rpi-cmdline", LINT_RPI, "raspberrypi/linux#140", cmdline_form },
	{ "rpi-kernel", LINT_RPI, "boot.adoc: kernel; rpi-eeprom release notes 2025-06-09",
	  kernel_form },
	{ "rpi-device-tree", LINT_RPI, "rpi-eeprom#682 (os_check)", dtb_compatible },
	{ "rpi-suppliers", LINT_RPI,
	  "drivers/of/property.c: of_supplier_bindings; initramfs-tools lacks irq-bcm2712-mip",
	  lint_suppliers },
	{ "rpi-d0-overlay", LINT_RPI, "raspberrypi/firmware#2018; siderolabs/talos#12748",
	  d0_overlay },
	{ 0 },
};
