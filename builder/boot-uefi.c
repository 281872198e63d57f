/*
 * UEFI with Secure Boot on: the firmware trusts shim (Microsoft's signature), shim trusts
 * what Debian signed: systemd-boot under the name that shim asks for, and the kernel. The
 * removable path survives a lost NVRAM. No fallback (fbx64.efi): it would write NVRAM
 * entries on every machine that a stick passes.
 */
#include "boot.h"
#include "bootfiles.h"

#include <limits.h>
#include <string.h>

/* A PE file with a certificate table, which is all that can be said without its keys. */
static int check_signed(const char *name, const char *data, size_t len, struct err *err)
{
	const unsigned char *d = (const unsigned char *)data;
	uint32_t pe, certs;
	uint16_t magic;

	if (len < 0x40 || memcmp(d, "MZ", 2) != 0)
		return err_setf(err, -EBADMSG, "'%s' is no EFI program", name);
	memcpy(&pe, d + 0x3c, 4);
	if (pe > len || len - pe < 0xa8 + 16 || memcmp(d + pe, "PE\0\0", 4) != 0)
		return err_setf(err, -EBADMSG, "'%s' is no EFI program", name);
	memcpy(&magic, d + pe + 24, 2);
	if (magic != 0x20b)
		return err_setf(err, -EBADMSG, "'%s' is not a 64-bit EFI program", name);
	memcpy(&certs, d + pe + 24 + 144 + 4, 4);        /* data directory 4: size of the certificates */
	if (certs == 0)
		return err_setf(err, -EBADMSG, "'%s' carries no signature: Secure Boot would refuse it", name);
	return 0;
}

static int stage_signed(const struct boot_spec *spec, const char *const *from, const char *what,
			const char *dir, const char *to, struct err *err)
{
	cleanup_free char *data = NULL;
	const char *path = NULL;
	size_t len = 0;
	int r;

	r = boot_find(spec, from, what, &path, err);
	if (r == 0)
		r = boot_read(spec, path, (size_t)256 << 20, &data, &len, err);
	if (r == 0)
		r = check_signed(path, data, len, err);
	if (r == 0)
		r = boot_stage_text(spec, dir, to, data, len, err);
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
	cleanup_buf struct buf line = BUF_INIT(65536), loader = BUF_INIT(65536), entry = BUF_INIT(65536);
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
	r = stage_signed(spec, shim, "shim (package shim-signed)", dir, BOOTFILES_SHIM, err);
	if (r == 0)
		r = stage_signed(spec, loader, "signed systemd-boot (package systemd-boot-efi-amd64-signed)",
				 dir, BOOTFILES_LOADER, err);
	if (r == 0)
		r = stage_signed(spec, kernel, "kernel", dir, name, err);
	if (r == 0)
		r = stage_loader(spec, dir, err);
	return r;
}

static int node_files(const struct boot_spec *spec, const struct node *node, struct fileset *ret,
		      struct err *err)
{
	(void)spec, (void)node, (void)ret, (void)err;    /* nothing differs by node */
	return 0;
}

const struct boot_method boot_uefi = { "uefi", stage, node_files };
