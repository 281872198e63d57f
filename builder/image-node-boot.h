/*
 * image-node-boot - what is a node's own on the boot partition of its image: seed and boot files
 *
 * The FAT is there already, from the base image or the node's last one; the tools of fat-make
 * change it, fat.h reads it back.
 *
 * Ownership: a struct image_node_boot borrows all it names. Errors name the file.
 */
#pragma once

#include "fileset.h"
#include "layout.h"
#include "seed.h"
#include "tempfile.h"

struct image_node_boot {
	const struct tempfile *image;
	const char *target;		/* its final name: temporary files go beside it */
	const struct layout_part *part; /* where the FAT is */
	const struct seed *seed;
	const struct fileset *files; /* boot files; paths begin with '/' */
	int64_t mtime_s;	     /* of what is written */
};
/*
 * Puts in what is not there yet and removes other seeds. @keep_one: the image has been a node's;
 * the new seed is on the medium before the old one goes, so that there is one at any time. The
 * rest is synced when the image gets its name.
 */
int image_node_boot_fill(const struct image_node_boot *b, bool keep_one,
			 struct err *err) MUST_CHECK;
/* -EBADMSG: seed or files read back differently. */
int image_node_boot_verify(const struct image_node_boot *b, struct err *err) MUST_CHECK;
/* baked_at of the seed with this digest in the image @path; 0: there is none that can be read. */
uint64_t image_node_boot_baked_at(const char *path, const struct layout_part *part,
				  const char *digest);
