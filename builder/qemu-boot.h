/*
 * qemu-boot - what firmware would start from a node's image, for a machine that has none
 *
 * The image is read, never written. Errors name the image or the file on its boot partition.
 */
#pragma once

#include "boot-read.h"
#include "qemu.h"

/*
 * <dir>/kernel and <dir>/initrd out of the image; *ret has the command line that goes with them,
 * without the Pi's debug port.
 */
int qemu_boot_extract(const struct qemu_spec *s, const char *dir, struct boot_read *ret,
		      struct err *err) MUST_CHECK;
/* The image could not be opened (@r): says what makes it. */
int qemu_no_image(const struct qemu_spec *s, int r, struct err *err) MUST_CHECK;
