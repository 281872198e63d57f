/*
 * microcode - the early cpio with Intel's microcode updates of some CPU models
 *
 * Models are named as in intel-microcode's files: family-model in hex, "06-5e".
 * All steppings of a model are taken. Every file's own headers are checked against
 * the model, so that a misnamed or damaged file is refused. The cpio is uncompressed
 * newc, kernel/x86/microcode/GenuineIntel.bin inside, its contents 16-byte aligned
 * (the loader hands the CPU a pointer into it), the whole a multiple of 512 bytes.
 *
 * Errors: -ENOENT names the model without any file, -EBADMSG a damaged file.
 */
#pragma once

#include "buf.h"
#include "err.h"

#define MICROCODE_DIR "usr/lib/firmware/intel-ucode"

/* @dir is beneath root_fd. The result is added to @out. */
int microcode_early_cpio(int root_fd, const char *dir, char *const *models, size_t len,
			 int64_t mtime_s, struct buf *out, struct err *err) MUST_CHECK;
