/*
 * image-tree - the root tree of a base image, laid out as its Btrfs will be
 *
 * Below @dir: a folder per subvolume ("@", "@home", ...), "boot" with the files of the
 * boot partition, "initrd". Everything that all nodes of one board share is in it:
 * the base root, K3s, overlays/common, /etc/fstab, /usr/lib/kiln/base.json.
 *
 * Call image_tree_make() as uid 0 (userns_run()). Ownership: the spec is borrowed.
 * Errors name the file or the input.
 */
#pragma once

#include "base-json.h"
#include "base.h"
#include "k3s-install.h"

#define IMAGE_SUBVOLUMES 7
struct image_subvolume {
	const char *name;  /* "@log" */
	const char *mount; /* "/var/log" */
	unsigned int mode; /* of the mount point where the root has none yet */
};
extern const struct image_subvolume image_subvolumes[IMAGE_SUBVOLUMES];
#define IMAGE_BOOT_MOUNT "/boot/firmware"

struct image_tree_spec {
	const struct cluster *cluster;
	const struct board *board;
	const struct base_root *root;
	const struct k3s_inputs *k3s;
	const struct base_json *base; /* written into the tree */
	const char *init_path;	      /* kiln-init of the board's architecture */
	const char *overlay_dir;      /* overlays/common; NULL: none */
	const char *dir;	      /* empty folder */
	uint64_t initrd_bytes;	      /* result */
};

/* Unpack, add, split into subvolumes: "<dir>/tree/@" ... */
int image_tree_make(struct image_tree_spec *spec, struct err *err) MUST_CHECK;
/* "<dir>/initrd" and "<dir>/boot/". */
int image_tree_boot(struct image_tree_spec *spec, struct err *err) MUST_CHECK;
