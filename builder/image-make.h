/*
 * image-make - make the base image of a board from its inputs
 *
 * In a folder of its own below work_dir, removed afterwards. ret->base, ret->path and the
 * names in ret->json are set by the caller; layout, partitions and extents are filled in.
 * The image and its description get their final names at the very end.
 * Ownership: all is borrowed for the call.
 */
#pragma once

#include "base.h"
#include "image.h"
#include "k3s-install.h"

struct image_make {
	const struct cluster *cluster;
	const struct board *board;
	const struct base_root *root;
	const struct k3s_inputs *k3s;
	const char *init_path;	 /* kiln-init of the board's architecture */
	const char *overlay_dir; /* overlays/common; NULL: none */
	const char *work_dir;	 /* on the file system of the result */
	const char *json_path;	 /* the description's final name */
};
int image_make(const struct image_make *m, struct phases *ph, struct image_base *ret,
	       struct err *err) MUST_CHECK;
