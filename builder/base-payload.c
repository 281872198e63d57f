#include "base-payload.h"

#include <fnmatch.h>
#include <string.h>

static const struct {
	const char *pattern, *reason;
} table[] = {
	{ "linux-image-*", "links in /, initrd, boot files: Kiln's own; depmod ran at the desk" },
	{ "linux-binary-*", "as linux-image" },
	{ "linux-modules-*", "depmod ran at the desk" },
	{ "linux-base", "removes links of kernels before 4.x, copies vmlinuz to /boot: not used" },
	{ "linux-base-*", "as linux-base" },
	{ "intel-microcode", "update-initramfs: Kiln puts the board's microcode into its initrd" },
	{ "amd64-microcode", "as intel-microcode" },
	{ "firmware-*", "update-initramfs: Kiln's initrd has what the board lists" },
	{ "shim-signed", "copies itself to the boot partition: Kiln's own" },
	{ "shim-signed-common", "as shim-signed" },
	{ "shim-helpers-*", "as shim-signed" },
	{ "grub*",
	  "comes with shim-signed and is not used: Kiln writes the boot partition itself" },
	{ "systemd-boot*", "copies itself to the boot partition: Kiln's own" },
	{ "kiln-node", "its unit is enabled by files it brings" },
};

static bool in_table(const char *package)
{
	for (size_t i = 0; i < ARRAY_SIZE(table); i++)
		if (fnmatch(table[i].pattern, package, 0) == 0)
			return true;
	return false;
}

/* Files that someone's trigger compiles into a database on the node. */
static bool wakes_trigger(const struct deb *d, const char **ret_why)
{
	static const struct {
		const char *below, *why;
	} databases[] = {
		{ "usr/lib/udev/hwdb.d/", "udev's hardware database would miss its entries" },
		{ "usr/share/glib-2.0/schemas/", "compiled GSettings would miss its schemas" },
		{ "usr/share/mime/packages/", "the MIME database would miss its types" },
		{ "usr/share/ca-certificates/", "the list of CAs would miss its certificates" },
		{ "usr/lib/sysusers.d/", "its users would be missing" },
	};

	for (size_t i = 0; i < d->files_len; i++)
		for (size_t k = 0; k < ARRAY_SIZE(databases); k++)
			if (!S_ISDIR(d->files[i].mode) &&
			    strncmp(d->files[i].path, databases[k].below,
				    strlen(databases[k].below)) == 0) {
				*ret_why = databases[k].why;
				return true;
			}
	return false;
}

bool payload_ok(const struct deb *d, const char **ret_why)
{
	if (in_table(d->package))
		return true;
	if (deb_member(d, "postinst")) {
		*ret_why = "its postinst would have to run";
		return false;
	}
	if (deb_member(d, "preinst")) {
		*ret_why = "its preinst would have to run";
		return false;
	}
	return !wakes_trigger(d, ret_why);
}
