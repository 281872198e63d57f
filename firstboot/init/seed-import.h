/*
 * seed-import - take the seed from the boot partition into the root, once
 *
 * Looks for kiln/seed-<sha256>.tar on the boot partition. A seed whose digest, schema, base
 * id and machine are right is put into the root (seed-apply.h); only when that is on the
 * disk, its file on the boot partition is overwritten and removed. One that was
 * imported before is only removed (the power went in between). One that fails
 * a check is left alone. Of several good ones the one baked last wins.
 *
 * Errors: a negative errno means that the root must not be booted (the import stopped
 * halfway, or the boot partition cannot be read); doing it again at the next boot
 * is safe. A refused seed is no error: info says why.
 */
#pragma once

#include "seed-check.h"

struct seed_place {
	int root_fd; /* O_RDONLY on the root, all its subvolumes mounted */
	int boot_fd; /* O_RDONLY on the boot partition's top, mounted for writing */
	const struct base_json *base;
	const struct machine *machine;
};
struct seed_info {
	bool imported;	       /* in this run */
	bool seeded;	       /* the root has a seed: now, or since an earlier boot */
	struct seed_json json; /* that seed; zeroed when its record cannot be read */
	char *notes;	       /* owned or NULL: what a person should read, a line each */
};

int seed_import(const struct seed_place *place, struct seed_info *ret, struct err *err) MUST_CHECK;
void seed_info_done(struct seed_info *info);
#define cleanup_seed_info CLEANUP(seed_info_done)

/* 1 and *ret: the seed that waits on a boot partition, if its digest is right; else 0. Writes
 * nothing. */
int seed_peek(int boot_fd, struct seed_json *ret) MUST_CHECK;
