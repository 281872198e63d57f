/*
 * boot - what a board's firmware must find on the boot partition
 *
 * One method per kind of firmware (boot-rpi.c, boot-uefi.c). stage() writes the files of
 * the base image into an empty folder, from a root tree; node_files() gives those that
 * differ by node. Files get the mode 0644 and the mtime of the spec, so that a FAT made
 * from them is the same on every host.
 *
 * Ownership: a spec is borrowed for the call. Errors: -ENOENT names the missing file and
 * the package that should bring it; -EBADMSG: a file that firmware would not take.
 */
#pragma once

#include "board.h"
#include "fileset.h"

struct node;

struct boot_spec {
	const struct board *board;
	const char *root_dir; /* the root tree */
	const char *release;  /* of the kernel */
	const char *initrd;   /* path of the made initrd; hard-linked or copied */
	const char *root_uuid, *boot_uuid;
	int64_t mtime_s;
};
struct boot_method {
	const char *name;
	int (*stage)(const struct boot_spec *spec, const char *dir, struct err *err);
	/* Paths in @ret are absolute from the top of the boot partition. */
	int (*node_files)(const struct boot_spec *spec, const struct node *node,
			  struct fileset *ret, struct err *err);
};

const struct boot_method *boot_method_get(enum boot_kind kind);

/* What the methods share. Paths beneath spec->root_dir resolve beneath it. */
int boot_stage_copy(const struct boot_spec *spec, const char *from, const char *dir, const char *to,
		    struct err *err) MUST_CHECK;
int boot_stage_text(const struct boot_spec *spec, const char *dir, const char *to, const char *data,
		    size_t len, struct err *err) MUST_CHECK;
/* The first of a NULL-terminated list of paths below the root that is there; -ENOENT names
 * @what and the first path. */
int boot_find(const struct boot_spec *spec, const char *const *paths, const char *what,
	      const char **ret, struct err *err) MUST_CHECK;
int boot_read(const struct boot_spec *spec, const char *from, size_t max, char **ret,
	      size_t *ret_len, struct err *err) MUST_CHECK;

extern const struct boot_method boot_rpi, boot_uefi;
