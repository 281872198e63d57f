/*
 * base-payload - packages that are unpacked and recorded, with no script run
 *
 * Their scripts do what Kiln does itself: depmod, initrd, boot files, enabling its own
 * services. A package is payload when it has no preinst and no postinst, or stands in
 * the table with its reason, and no file trigger of effect waits for its files.
 */
#pragma once

#include "deb.h"

#include <stdbool.h>

/* Whether the package may be payload; if not, *ret_why says which script forbids it. */
bool payload_ok(const struct deb *d, const char **ret_why);
