#include "boot-read.h"
#include "bootfiles.h"

#include <string.h>

#define TEXT_MAX ((size_t)64 << 10)

void boot_read_done(struct boot_read *b)
{
	free(b->kernel);
	free(b->initrd);
	free(b->device_tree);
	free(b->cmdline);
	*b = (struct boot_read){ 0 };
}

static int set(char **dst, const char *value, size_t len)
{
	char *copy = strndup(value, len);

	if (!copy)
		return -ENOMEM;
	free(*dst);
	*dst = copy;
	return 0;
}

/* One line, without its newline, that applies to a Pi 5. */
static int take_config(struct boot_read *b, const char *line, size_t len)
{
	static const char initramfs[] = "initramfs ";
	size_t n;

	if (len > 7 && strncmp(line, "kernel=", 7) == 0)
		return set(&b->kernel, line + 7, len - 7);
	if (len > 12 && strncmp(line, "device_tree=", 12) == 0)
		return set(&b->device_tree, line + 12, len - 12);
	if (len > sizeof(initramfs) && strncmp(line, initramfs, sizeof(initramfs) - 1) == 0) {
		line += sizeof(initramfs) - 1;
		n = strcspn(line, " \n");
		return set(&b->initrd, line, n);
	}
	return 0;
}

static int read_config(const char *text, struct boot_read *b, struct err *err)
{
	bool applies = true;

	for (const char *p = text; *p;) {
		size_t n = strcspn(p, "\n"), len = n && p[n - 1] == '\r' ? n - 1 : n;

		if (*p == '[')
			applies = strncmp(p, "[all]", 5) == 0 || strncmp(p, "[pi5]", 5) == 0;
		else if (applies && *p != '#' && take_config(b, p, len) < 0)
			return err_nomem(err);
		p += n + (p[n] == '\n');
	}
	if (!b->device_tree && set(&b->device_tree, BOOTFILES_DTB_C0, strlen(BOOTFILES_DTB_C0)) < 0)
		return err_nomem(err);
	if (!b->kernel && set(&b->kernel, "kernel_2712.img", 15) < 0)
		return err_nomem(err);
	return 0;
}

static int read_rpi(const struct fat *f, struct boot_read *b, struct err *err)
{
	cleanup_free char *config = NULL, *cmdline = NULL;
	int r;

	r = fat_read(f, "config.txt", TEXT_MAX, &config, NULL, err);
	if (r == 0)
		r = read_config(config, b, err);
	if (r == 0)
		r = fat_read(f, "cmdline.txt", TEXT_MAX, &cmdline, NULL, err);
	if (r < 0)
		return r;
	/* the firmware takes the first line */
	return set(&b->cmdline, cmdline, strcspn(cmdline, "\r\n")) < 0 ? err_nomem(err) : 0;
}

static const char *key_value(const char *line, const char *key)
{
	size_t n = strlen(key);

	return strncmp(line, key, n) == 0 && (line[n] == ' ' || line[n] == '\t')
		       ? line + n + strspn(line + n, " \t/")
		       : NULL;
}

static int take_entry(const char *text, struct boot_read *b, struct err *err)
{
	for (const char *p = text; *p;) {
		size_t n = strcspn(p, "\n");
		const char *v;
		int r = 0;

		if ((v = key_value(p, "linux")))
			r = set(&b->kernel, v, (size_t)(p + n - v));
		else if ((v = key_value(p, "initrd")))
			r = set(&b->initrd, v, (size_t)(p + n - v));
		else if ((v = key_value(p, "options")))
			r = set(&b->cmdline, v, (size_t)(p + n - v));
		if (r < 0)
			return err_nomem(err);
		p += n + (p[n] == '\n');
	}
	return 0;
}

/* systemd-boot takes the newest entry: the last of the sorted names will do for ours. */
static int read_uefi(const struct fat *f, struct boot_read *b, struct err *err)
{
	const struct fat_entry *best = NULL;
	cleanup_free char *text = NULL;
	int r;

	for (size_t i = 0; i < f->len; i++)
		if (strncasecmp(f->entries[i].path, "loader/entries/", 15) == 0 &&
		    !f->entries[i].is_dir && (!best || strcmp(f->entries[i].path, best->path) > 0))
			best = &f->entries[i];
	if (!best)
		return err_setf(err, -ENOENT, "the boot partition has no 'loader/entries/*.conf'");
	r = fat_read(f, best->path, TEXT_MAX, &text, NULL, err);
	if (r == 0)
		r = take_entry(text, b, err);
	return r;
}

int boot_read_fat(const struct fat *f, enum boot_kind kind, struct boot_read *ret, struct err *err)
{
	cleanup_boot_read struct boot_read b = { 0 };
	int r = kind == BOOT_RPI ? read_rpi(f, &b, err) : read_uefi(f, &b, err);

	if (r < 0)
		return r;
	if (!b.kernel || !b.initrd || !b.cmdline)
		return err_setf(err, -ENOENT, "the boot partition names no %s",
				!b.kernel   ? "kernel"
				: !b.initrd ? "initrd"
					    : "command line");
	*ret = b;
	b = (struct boot_read){ 0 };
	return 0;
}
