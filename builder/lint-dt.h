/*
 * lint-dt - is every driver that the disks and the network need in the initrd?
 *
 * kiln-init has no modprobe, and Linux defers a device until everything it refers to in the device
 * tree has a driver: a regulator, pin controller, clock, reset or interrupt controller whose
 * driver stays on the root partition keeps the root partition away for ever. Starting at
 * the enabled nodes of SD, PCIe, USB and Ethernet this walks over all their suppliers, and the
 * suppliers' suppliers and buses, and looks up each one's driver in modules.alias by its
 * compatible texts, as udev would.
 *
 * A node for which this kernel has neither a module nor a built-in alias is passed over: early
 * drivers (interrupt controllers, fixed clocks, timers) declare themselves without one.
 */
#pragma once

#include "buf.h"
#include "modules.h"

struct lint_dt_spec {
	const void *dtb; /* borrowed */
	size_t dtb_len;
	const struct modules *modules; /* of the kernel; or, when it is not at hand, */
	const char *drivers;	       /* what an earlier walk put into ret_drivers */
	char *const *
		initrd; /* what is in the initrd: paths as modules_resolve() gives them, or names */
	size_t initrd_len;
	/*
	 * NULL, or: a line for each compatible text that the kernel has a driver for, with its
	 * modules: "brcm,bcm7445-gpio gpio-brcmstb". None: built in. The file kiln/drivers.
	 */
	struct buf *ret_drivers;
};

/*
 * Adds to @ret a line for every driver that is missing: "/soc/gpio@7d517c00 (brcm,bcm7445-gpio)
 * needs module 'gpio-brcmstb', for /soc/mmc@fff000". 0: *ret_checked nodes had a driver to look
 * for. -ENOENT: the tree has none of the nodes to start from.
 */
int lint_dt(const struct lint_dt_spec *spec, struct buf *ret, size_t *ret_checked,
	    struct err *err) MUST_CHECK;
