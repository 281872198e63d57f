/*
 * base-twin - turn a native root into that of another architecture
 *
 * @root is the native root as mmdebstrap left it: it becomes the target's. @debs are the
 * target's packages (deb_read, contents in @root's spool; packages that are the same
 * "all" .deb natively may be given with control members only). For every package
 * of both sides: all files it owned go, those of the target's .deb come, with the modes,
 * owners and attributes that the scripts gave to their native counterparts, at places
 * that diversions and the usr merge say. Packages of the target alone are payload
 * (base-payload.h); so are they when both architectures are the same, and the
 * rest is a no-op then. What scripts generated stays, if it holds on the target:
 *
 * Refused with -EINVAL, package and path named: a generated file that is ELF, or names
 * the desk's triplet or architecture in path, link or contents; a package file
 * that a script changed and that differs between the architectures; a package that only
 * the native side has and whose scripts ran; a different upstream version.
 */
#pragma once

#include "base-arch.h"
#include "cluster.h"
#include "deb.h"
#include "rootfs.h"

struct twin {
	struct rootfs *root;	     /* borrowed; changed */
	const struct rootfs *native; /* borrowed; the same root, unchanged */
	const struct deb *debs;	     /* borrowed; sorted by package name */
	size_t debs_len;
	const struct deb_arch *from, *to;
	const struct string_list *names; /* borrowed; asked for: the rest of the payload counts as
					    automatically installed; NULL: nothing does */
};

int twin_make(const struct twin *t, struct err *err) MUST_CHECK;
