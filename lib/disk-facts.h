/*
 * disk-facts - what sysfs tells about a disk, and whether a selector means it
 *
 * Works without udev (in the initrd) and with it. Transport is one of nvme, sata, usb,
 * mmc, virtio, scsi, or "" if it is none of them. The serial is what udev calls
 * ID_SERIAL_SHORT: the disk's own, of USB sticks the USB device's. Texts have no
 * blanks at their ends; "" where the disk tells nothing. Sizes are bytes.
 */
#pragma once

#include "disk-match.h"

#include <stdbool.h>

struct disk_facts {
	char name[64]; /* "nvme0n1" */
	char transport[16];
	char serial[128];
	char wwid[256];
	char model[128];
	uint64_t size_bytes;
	bool removable, read_only;
};

/* @sysfs: "/sys". @name: a whole disk of <sysfs>/class/block. */
int disk_facts_read(const char *sysfs, const char *name, struct disk_facts *ret,
		    struct err *err) MUST_CHECK;

/*
 * All conditions that are given hold. A by_id is looked up below /dev/disk/by-id; where
 * udev does not run it holds for a disk whose serial is part of that name.
 */
bool disk_match_holds(const struct disk_match *m, const struct disk_facts *f);

/* "nvme0n1: nvme, 465.8 GiB, Samsung SSD 970, serial S4EW..."; owned by the caller, NULL: no
 * memory. */
char *disk_facts_describe(const struct disk_facts *f);
