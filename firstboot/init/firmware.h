/*
 * firmware - what the firmware tells about the disk it booted from
 *
 * UEFI: systemd-boot leaves the GUID of its partition in the variable LoaderDevicePartUUID.
 * Raspberry Pi: the boot mode in /proc/device-tree/chosen/bootloader (1 SD, 4 and 5 USB,
 * 6 NVMe; others, as network boot, name no disk). Neither: an empty hint.
 */
#pragma once

#include "block.h"

struct firmware_hint {
	char part_uuid[64]; /* of the boot partition, lower case; "" */
	char transport[16]; /* of its disk; "" */
	char says[128];	    /* for people; "" when there is no hint */
};

/* @sysfs, @procfs: where they are mounted. */
void firmware_hint_read(const char *sysfs, const char *procfs, struct firmware_hint *ret);
/* The contents of a Loader*PartUUID variable (attributes, then UTF-16); false: no such text. */
bool firmware_hint_from_efivar(const void *data, size_t len, struct firmware_hint *ret);
bool firmware_hint_holds(const struct firmware_hint *h, const struct block *boot,
			 const struct disk_facts *disk);
