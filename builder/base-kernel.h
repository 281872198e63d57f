/*
 * base-kernel - the kernel of a root: its release, and depmod by the desk's kmod
 *
 * depmod needs a folder: the modules of the kernel's .debs are written to a temporary one
 * while mmdebstrap still works; what it makes (modules.dep and kin) goes into the root.
 */
#pragma once

#include "deb.h"
#include "rootfs.h"

struct kernel_files {
	char *release;	      /* owned */
	char *dir;	      /* owned; temporary folder with lib/modules/<release> */
	struct tempfile *tmp; /* owned */
};

/* Contents of @debs are in @spool_fd. -ENOENT: no package brings a kernel; -EINVAL: several. */
int kernel_depmod(const struct deb *debs, size_t len, int spool_fd, struct kernel_files *ret,
		  struct err *err) MUST_CHECK;
int kernel_add(struct rootfs *root, const struct kernel_files *k, struct err *err) MUST_CHECK;
void kernel_files_done(struct kernel_files *k);
#define cleanup_kernel CLEANUP(kernel_files_done)
