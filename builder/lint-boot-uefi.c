/* lint-boot's rules for UEFI firmware with Secure Boot. */
#include "bootfiles.h"
#include "lint-boot.h"

#include <string.h>
#include <strings.h>

#define ESP "c12a7328-f81f-11d2-ba4b-00a0c93ec93b"
#define PROGRAM_MAX ((size_t)256 << 20)

static int gpt_type(const struct lint_image *i, struct err *err)
{
	if (strcasecmp(i->gpt->parts[0].type, ESP) != 0)
		return LINT_BAD(err, "entry 1 has the type %s, not EFI system partition (%s)",
				i->gpt->parts[0].type, ESP);
	return 0;
}

static int check_pe(const char *path, const unsigned char *d, size_t len, struct err *err)
{
	uint32_t pe, certs;
	uint16_t machine, magic;

	if (len < 0x40 || memcmp(d, "MZ", 2) != 0)
		return LINT_BAD(err, "'%s' is no EFI program", path);
	memcpy(&pe, d + 0x3c, 4);
	if (pe > len || len - pe < 0xb8 || memcmp(d + pe, "PE\0\0", 4) != 0)
		return LINT_BAD(err, "'%s' is no EFI program", path);
	memcpy(&machine, d + pe + 4, 2);
	memcpy(&magic, d + pe + 24, 2);
	if (machine != 0x8664 || magic != 0x20b)
		return LINT_BAD(err, "'%s' is not for x86-64", path);
	memcpy(&certs, d + pe + 24 + 144 + 4, 4); /* data directory 4: size of the certificates */
	if (certs == 0)
		return LINT_BAD(err, "'%s' carries no signature: Secure Boot refuses it", path);
	return 0;
}

int lint_signed_pe(const struct lint_image *i, const char *path, struct err *err)
{
	cleanup_free char *data = NULL;
	size_t len = 0;
	int r = fat_read(i->fat, path, PROGRAM_MAX, &data, &len, err);

	if (r < 0)
		return r == -ENOENT || r == -EISDIR ? -EBADMSG : r;
	return check_pe(path, (const unsigned char *)data, len, err);
}

static int shim(const struct lint_image *i, struct err *err)
{
	return lint_signed_pe(i, BOOTFILES_SHIM, err);
}

static int loader(const struct lint_image *i, struct err *err)
{
	static const char mark[] = "#### LoaderInfo: systemd-boot";
	cleanup_free char *data = NULL;
	size_t len = 0;
	int r = lint_signed_pe(i, BOOTFILES_LOADER, err);

	if (r == 0)
		r = fat_read(i->fat, BOOTFILES_LOADER, PROGRAM_MAX, &data, &len, err);
	if (r == 0 && !memmem(data, len, mark, sizeof(mark) - 1))
		r = LINT_BAD(err, "'%s' is not systemd-boot: it would not read loader/entries",
			     BOOTFILES_LOADER);
	return r;
}

static int kernel(const struct lint_image *i, struct err *err)
{
	return i->started ? lint_signed_pe(i, i->start.kernel, err) : 0;
}

static int no_fallback(const struct lint_image *i, struct err *err)
{
	if (fat_find(i->fat, "EFI/BOOT/fbx64.efi"))
		return LINT_BAD(err, "'EFI/BOOT/fbx64.efi' would write boot entries into every "
				     "machine it starts on");
	return 0;
}

static int editor_off(const struct lint_image *i, struct err *err)
{
	cleanup_free char *text = NULL;
	int r = fat_read(i->fat, "loader/loader.conf", 65536, &text, NULL, err);

	if (r < 0)
		return r == -ENOENT ? -EBADMSG : r;
	if (!strstr(text, "editor no") && !strstr(text, "editor 0"))
		return LINT_BAD(err, "loader.conf does not say 'editor no': a keyboard is enough "
				     "to become root");
	return 0;
}

const struct lint_rule lint_rules_uefi[] = {
	{ "uefi-gpt-type", LINT_UEFI, "UEFI 2.10, 5.3.3 and 13.3", gpt_type },
	{ "uefi-shim", LINT_UEFI, "UEFI 2.10, 3.5.1.1 (removable path) and 32.5", shim },
	{ "uefi-loader", LINT_UEFI, "shim: second stage is grubx64.efi beside it", loader },
	{ "uefi-kernel", LINT_UEFI, "systemd-boot loads the kernel by LoadImage, which verifies",
	  kernel },
	{ "uefi-no-fallback", LINT_UEFI, "shim's README.fallback", no_fallback },
	{ "uefi-editor", LINT_UEFI, "loader.conf(5)", editor_off },
	{ 0 },
};
