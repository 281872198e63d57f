/*
 * initrd - write the initrd of a kernel: kiln-init, its modules, microcode
 *
 * A newc cpio by libarchive, zstd-compressed, the same bytes for the same input:
 *
 *	init                                  kiln-init, 0755
 *	dev proc run sys root                 empty folders; dev/console
 *	lib/modules/<release>/kernel/...      modules, uncompressed
 *	lib/modules/<release>/kiln.order      their paths below lib/modules/<release>, a
 *	                                      line each, in the order to load them
 *
 * In front of it on x86, when the board lists CPU signatures, an uncompressed cpio
 * with kernel/x86/microcode/GenuineIntel.bin: the updates of those models only
 * (family-model as in intel-microcode's file names: "06-5e"), 16-byte aligned.
 *
 * The same code runs at the desk (root: the base root) and on a node (root: "/").
 * Names found beneath root_fd are resolved beneath it; no link leads out of it.
 * modules.dep, modules.softdep, modules.alias and modules.builtin must be there:
 * depmod has run.
 *
 * Ownership: the spec is borrowed for the call. An info is owned by the caller,
 * initrd_info_done() releases it. Errors: -ENOENT names the module, its file or the
 * microcode that is missing; -EFBIG: the result is above max_bytes.
 *
 *	struct initrd_spec spec = { .root_fd = fd, .release = "7.3.4+deb13-arm64",
 *		.init_path = path, .modules = names, .modules_len = n };
 *	cleanup_initrd_info struct initrd_info info = { 0 };
 *	r = initrd_build(&spec, out_fd, &info, &err);
 */
#pragma once

#include "err.h"

#include <stdint.h>

#define INITRD_MAX_BYTES (UINT64_C(12) << 20)
#define INITRD_ORDER_FILE "kiln.order"

struct initrd_spec {
	int root_fd;	       /* the root tree; lib/modules/<release> is below it */
	const char *release;   /* of the kernel: "6.12.107+deb13-amd64" */
	const char *init_path; /* kiln-init of the target's architecture, on this machine */
	char *const *modules;  /* by name, "-" and "_" alike; built-in ones are fine */
	size_t modules_len;
	char *const *microcode; /* "06-5e" ...; none: no early cpio */
	size_t microcode_len;
	const char *microcode_dir; /* beneath root_fd; NULL: usr/lib/firmware/intel-ucode */
	int64_t mtime_s;	   /* of every member: SOURCE_DATE_EPOCH */
	unsigned int level;	   /* of zstd, 1 to 19; 0: 12 */
	uint64_t max_bytes;	   /* 0: INITRD_MAX_BYTES */
};

struct initrd_info {
	uint64_t size_bytes;	 /* written to out_fd, early part included */
	uint64_t early_bytes;	 /* the uncompressed cpio in front; 0: none */
	uint64_t unpacked_bytes; /* contents of all members */
	char **modules;		 /* owned; paths as in kiln.order, in load order */
	size_t modules_len;
	char **missing_soft; /* owned; soft dependencies that this kernel lacks */
	size_t missing_soft_len;
};

/* Writes at out_fd's position; the caller syncs and renames. */
int initrd_build(const struct initrd_spec *spec, int out_fd, struct initrd_info *ret,
		 struct err *err) MUST_CHECK;
void initrd_info_done(struct initrd_info *info);
#define cleanup_initrd_info CLEANUP(initrd_info_done)
