/*
 * load-modules - load what lib/initrd put into kiln.order, one after another
 */
#pragma once

#include "err.h"

/*
 * Modules below /lib/modules/<release of the running kernel>. A module that is there already, or
 * finds that this machine lacks its device, is fine. One that fails otherwise is told, and
 * the next is tried: it may not be needed here. -ENOENT: this initrd is for another kernel.
 */
int modules_load(struct err *err) MUST_CHECK;
