/*
 * UEFI with Secure Boot on: the firmware trusts shim (Microsoft's signature), shim trusts
 * what Debian signed: systemd-boot under the name that shim asks for, and the kernel. The
 * removable path survives a lost NVRAM. No fallback (fbx64.efi): it would write NVRAM
 * entries on every machine that a stick passes. That all of them are signed is a rule of
 * lint-boot-uefi.c, which every base image must pass.
 */
#include "boot.h"
#include "bootfiles.h"

#include <limits.h>
#include <string.h>

static int stage_file(const struct boot_spec *spec, const char *const *from, const char *what,
		      const char *dir, const char *to, struct err *err)
{
	const char *path = NULL;
	int r;

	r = boot_find(spec, from, what, &path, err);
	if (r == 0)
		r = boot_stage_copy(spec, path, dir, to, err);
	return r;
}

static int stage_loader(const struct boot_spec *spec, const char *dir, struct err *err)
{
	struct bootfiles_cmdline c = {
		.words = spec->board->kernel.cmdline.items,
		.words_len = spec->board->kernel.cmdline.len,
		.root_uuid = spec->root_uuid,
		.boot_uuid = spec->boot_uuid,
	};
	cleanup_buf struct buf line = BUF_INIT(65536), loader = BUF_INIT(65536),
			       entry = BUF_INIT(65536);
	char name[NAME_MAX];
	int r;

	r = bootfiles_add_cmdline(&line, &c, err);
	if (r < 0)
		return r;
	r = bootfiles_add_loader(&loader);
	if (r == 0)
		r = bootfiles_add_entry(&entry, spec->release, buf_str(&line));
	if (r < 0)
		return err_errnof(err, r, "cannot make the loader's entries");
	r = boot_stage_text(spec, dir, "loader/loader.conf", loader.data, loader.len, err);
	if (r < 0)
		return r;
	(void)snprintf(name, sizeof(name), "loader/entries/kiln-%s.conf", spec->release);
	return boot_stage_text(spec, dir, name, entry.data, entry.len, err);
}

static int stage(const struct boot_spec *spec, const char *dir, struct err *err)
{
	char new_place[PATH_MAX], old_place[PATH_MAX], name[NAME_MAX];
	const char *shim[] = { "usr/lib/shim/shimx64.efi.signed", NULL };
	const char *loader[] = { "usr/lib/systemd/boot/efi/systemd-bootx64.efi.signed", NULL };
	const char *kernel[] = { new_place, old_place, NULL };
	int r;

	(void)snprintf(new_place, sizeof(new_place), "usr/lib/modules/%s/vmlinuz", spec->release);
	(void)snprintf(old_place, sizeof(old_place), "boot/vmlinuz-%s", spec->release);
	(void)snprintf(name, sizeof(name), "vmlinuz-%s", spec->release);
	r = stage_file(spec, shim, "shim (package shim-signed)", dir, BOOTFILES_SHIM, err);
	if (r == 0)
		r = stage_file(spec, loader,
			       "signed systemd-boot (package systemd-boot-efi-amd64-signed)", dir,
			       BOOTFILES_LOADER, err);
	if (r == 0)
		r = stage_file(spec, kernel, "kernel", dir, name, err);
	if (r == 0)
		r = stage_loader(spec, dir, err);
	return r;
}

static int node_files(const struct boot_spec *spec, const struct node *node, struct fileset *ret,
		      struct err *err)
{
	(void)spec, (void)node, (void)ret, (void)err; /* nothing differs by node */
	return 0;
}

const struct boot_method boot_uefi = { "uefi", stage, node_files };
