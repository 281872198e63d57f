/*
 * disk-match - the conditions by which a file names one disk
 *
 * All conditions that are given must hold. Sizes are bytes; 0 and NULL: not asked.
 * As JSON: {"serial", "wwid", "by_id", "transport", "min_bytes", "max_bytes"}, each only
 * when asked.
 */
#pragma once

#include "json-table.h"

struct disk_match {
	char *serial; /* as udev's ID_SERIAL_SHORT or sysfs has it */
	char *wwid;
	char *by_id;		       /* name below /dev/disk/by-id */
	char *transport;	       /* nvme, sata, usb, mmc, virtio */
	uint64_t min_bytes, max_bytes; /* both inclusive */
};
extern const struct json_field disk_match_fields[];
