/*
 * boot-update-internal - what the files of boot-update share: the boot partition's files, and
 * each firmware's own way to name the kernel that boots next (boot-update-rpi.c, -uefi.c)
 *
 * Units, ownership and errors: boot-update.h.
 */
#pragma once

#include "boot-update.h"

#define BOOT_UPDATE_TEXT_MAX ((size_t)64 << 10)

/* Replaces a file of the boot partition, reads it back, and adds a line to the report. */
int boot_update_put(const struct boot_update *u, const char *name, const char *data, size_t len,
		    struct err *err) MUST_CHECK;
/* The first of @places (ended by NULL) that the root has; -ENOENT says that @what is missing. */
int boot_update_read_root(const struct boot_update *u, const char *const *places, const char *what,
			  size_t max, char **ret, size_t *ret_len, struct err *err) MUST_CHECK;
/* Removes a file of the boot partition; one that is not there is fine. */
void boot_update_drop(const struct boot_update *u, const char *name);
/* Is @name what a cut left of a file that was being written? */
bool boot_update_is_left(const char *name);

/* The release that config.txt names; "" if there is none. */
void boot_update_rpi_release(const char *text, char *dst, size_t size);
/* Makes the new kernel the next; @config: config.txt as it is, @former: the release it names. */
int boot_update_rpi_switch(const struct boot_update *u, const char *config, const char *former,
			   struct err *err) MUST_CHECK;
int boot_update_uefi_switch(const struct boot_update *u, struct err *err) MUST_CHECK;
/* Removes the loader's entries of a release. */
int boot_update_uefi_remove(const struct boot_update *u, const char *release,
			    struct err *err) MUST_CHECK;
