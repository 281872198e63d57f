#include "firmware.h"

#include "file.h"

#include <ctype.h>
#include <endian.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mount.h>

#define LOADER_VAR "LoaderDevicePartUUID-4a67b082-0a4c-41cf-b6c7-440b29bb8c4f"
#define GUID_TEXT 36U

bool firmware_hint_from_efivar(const void *data, size_t len, struct firmware_hint *ret)
{
	struct firmware_hint h = { 0 };
	const unsigned char *p = data;

	if (len < 4 + 2 * GUID_TEXT)
		return false;
	for (size_t i = 0; i < GUID_TEXT; i++) {
		unsigned char c = p[4 + 2 * i];
		bool dash = i == 8 || i == 13 || i == 18 || i == 23;

		if (p[5 + 2 * i] != 0 || (dash ? c != '-' : !isxdigit(c)))
			return false;
		h.part_uuid[i] = (char)tolower(c);
	}
	(void)snprintf(h.says, sizeof(h.says),
		       "the firmware booted from the partition with GUID %s", h.part_uuid);
	*ret = h;
	return true;
}

static void read_uefi(const char *sysfs, struct firmware_hint *ret)
{
	char dir[256], path[512], data[256];
	ssize_t n = -1;
	int fd;

	(void)snprintf(dir, sizeof(dir), "%s/firmware/efi/efivars", sysfs);
	(void)snprintf(path, sizeof(path), "%s/" LOADER_VAR, dir);
	if (access(dir, F_OK) < 0)
		return;
	/* systemd mounts it anew; here it is wanted for one look */
	bool mounted = mount("efivarfs", dir, "efivarfs",
			     MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) == 0;

	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0) {
		n = read_upto(fd, data, sizeof(data));
		(void)close(fd);
	}
	if (mounted)
		(void)umount2(dir, 0);
	if (n > 0)
		(void)firmware_hint_from_efivar(data, (size_t)n, ret);
}

static void read_pi(const char *procfs, struct firmware_hint *ret)
{
	static const struct {
		uint32_t mode;
		const char *transport, *name;
	} modes[] = { { 1, "mmc", "the SD card" },
		      { 4, "usb", "USB" },
		      { 5, "usb", "USB" },
		      { 6, "nvme", "NVMe" } };
	char path[256];
	uint32_t mode = 0;
	ssize_t n;
	int fd;

	(void)snprintf(path, sizeof(path), "%s/device-tree/chosen/bootloader/boot-mode", procfs);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return;
	n = read_upto(fd, &mode, sizeof(mode));
	(void)close(fd);
	for (size_t i = 0; i < ARRAY_SIZE(modes) && n == (ssize_t)sizeof(mode); i++) {
		if (modes[i].mode != be32toh(mode))
			continue;
		(void)snprintf(ret->transport, sizeof(ret->transport), "%s", modes[i].transport);
		(void)snprintf(ret->says, sizeof(ret->says), "the firmware booted from %s",
			       modes[i].name);
	}
}

void firmware_hint_read(const char *sysfs, const char *procfs, struct firmware_hint *ret)
{
	*ret = (struct firmware_hint){ 0 };
	read_uefi(sysfs, ret);
	if (!ret->says[0])
		read_pi(procfs, ret);
}

bool firmware_hint_holds(const struct firmware_hint *h, const struct block *boot,
			 const struct disk_facts *disk)
{
	if (h->part_uuid[0] && strcmp(h->part_uuid, boot->part_uuid) != 0)
		return false;
	return !h->transport[0] || strcmp(h->transport, disk->transport) == 0;
}
