/*
 * lint-boot's rule on the drivers in the initrd: the machine that QEMU has needs none of the Pi's
 *
 * Which module drives what is the kernel's knowledge, and lies in the root. bake writes the part
 * that the board's device trees ask for into kiln/drivers (lint_drivers_stage()), so that
 * the rule needs nothing but the boot partition: trees, initrd and that file.
 */
#include "archive-util.h"
#include "bootfiles.h"
#include "file.h"
#include "initrd.h"
#include "lint-boot.h"
#include "lint-dt.h"

#include <fcntl.h>
#include <limits.h>
#include <string.h>

#define DTB_MAX ((size_t)2 << 20)
#define TEXT_MAX ((size_t)256 << 10)

static const char *const trees[] = { BOOTFILES_DTB_C0, BOOTFILES_DTB_D0 };

int lint_drivers_stage(const struct boot_spec *spec, int root_fd, const char *dir, struct err *err)
{
	cleanup_modules struct modules *m = NULL;
	cleanup_buf struct buf drivers = BUF_INIT(TEXT_MAX);
	char path[PATH_MAX];
	size_t checked;
	int r = modules_open(root_fd, spec->release, &m, err);

	for (size_t i = 0; r >= 0 && i < ARRAY_SIZE(trees); i++) {
		cleanup_buf struct buf missing = BUF_INIT(TEXT_MAX);
		struct lint_dt_spec s = { .modules = m, .ret_drivers = &drivers };
		cleanup_free char *dtb = NULL;

		(void)snprintf(path, sizeof(path), "%s/%s", dir, trees[i]);
		r = file_read_at(AT_FDCWD, path, DTB_MAX, &dtb, &s.dtb_len, err);
		s.dtb = dtb;
		if (r >= 0) /* no initrd is given: all are missing, and all are recorded */
			r = lint_dt(&s, &missing, &checked, err);
	}
	if (r < 0)
		return err_wrapf(err, r, "drivers of the device tree");
	return boot_stage_text(spec, dir, LINT_DRIVERS, buf_str(&drivers), drivers.len, err);
}

/* kiln.order of an initrd: an item for each line. */
static int take_order(struct archive *a, struct modules_list *ret, struct err *err)
{
	cleanup_free char *text = calloc(1, TEXT_MAX + 1);
	char *save = NULL;
	ssize_t n;

	if (!text)
		return err_nomem(err);
	n = archive_read_data(a, text, TEXT_MAX);
	if (n < 0)
		return err_archive(err, a, "the initrd");
	for (char *p = strtok_r(text, "\n", &save); p; p = strtok_r(NULL, "\n", &save)) {
		char **grown = reallocarray(ret->items, ret->len + 1, sizeof(*grown));

		if (!grown)
			return err_nomem(err);
		ret->items = grown;
		ret->items[ret->len] = strdup(p);
		if (!ret->items[ret->len])
			return err_nomem(err);
		ret->len++;
	}
	return 0;
}

static int initrd_modules(const char *data, size_t len, struct modules_list *ret, struct err *err)
{
	cleanup_archive_read struct archive *a = archive_read_new();
	struct archive_entry *e;
	int ar;

	if (!a)
		return err_nomem(err);
	(void)archive_read_support_format_cpio(a);
	(void)archive_read_support_filter_zstd(a);
	if (archive_read_open_memory(a, data, len) != ARCHIVE_OK)
		return err_archive(err, a, "the initrd");
	while ((ar = archive_read_next_header(a, &e)) == ARCHIVE_OK) {
		const char *name = archive_entry_pathname(e);
		const char *slash = name ? strrchr(name, '/') : NULL;

		if (slash && strcmp(slash + 1, INITRD_ORDER_FILE) == 0)
			return take_order(a, ret, err);
	}
	return ar == ARCHIVE_EOF ? LINT_BAD(err, "the initrd has no " INITRD_ORDER_FILE)
				 : err_archive(err, a, "the initrd");
}

static int check_tree(const struct lint_image *i, const char *tree, const char *drivers,
		      const struct modules_list *initrd, struct err *err)
{
	cleanup_buf struct buf missing = BUF_INIT(TEXT_MAX);
	cleanup_free char *dtb = NULL;
	struct lint_dt_spec s = { .drivers = drivers,
				  .initrd = initrd->items,
				  .initrd_len = initrd->len };
	size_t checked = 0;
	int r = fat_read(i->fat, tree, DTB_MAX, &dtb, &s.dtb_len, err);

	s.dtb = dtb;
	if (r >= 0)
		r = lint_dt(&s, &missing, &checked, err);
	if (r < 0)
		return LINT_BAD(err, "'%s' cannot be walked: it is missing or damaged", tree);
	if (missing.len)
		return LINT_BAD(err, "%.*s: Linux would wait for ever; the initrd lacks it",
				(int)strcspn(buf_str(&missing), "\n"), buf_str(&missing));
	if (checked < 10)
		return LINT_BAD(err, "'" LINT_DRIVERS "' knows drivers for %zu nodes of '%s' alone",
				checked, tree);
	return 0;
}

int lint_suppliers(const struct lint_image *i, struct err *err)
{
	cleanup_modules_list struct modules_list initrd = { 0 };
	cleanup_free char *drivers = NULL, *data = NULL;
	size_t len = 0;
	int r;

	if (!i->started)
		return 0; /* a rule of its own */
	r = fat_read(i->fat, LINT_DRIVERS, TEXT_MAX, &drivers, &len, err);
	if (r >= 0)
		r = fat_read(i->fat, i->start.initrd, INITRD_MAX_BYTES, &data, &len, err);
	if (r >= 0)
		r = initrd_modules(data, len, &initrd, err);
	if (r < 0)
		return -EBADMSG;
	for (size_t t = 0; r >= 0 && t < ARRAY_SIZE(trees); t++)
		r = check_tree(i, trees[t], drivers, &initrd, err);
	return r;
}
