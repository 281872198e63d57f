/*
 * image-map - which ranges of an image must be written, with digests; its bmap file
 *
 * From what we know of our own layout: the GPT at both ends, the FAT by its own table,
 * the Btrfs by its extent tree. The holes of the desk's file system have no say, so the
 * map of an image is the same everywhere.
 *
 * Extents are sorted, do not overlap, start and end on 4 KiB, and are at most
 * IMAGE_EXTENT_MAX_BYTES long. Units: bytes. Errors: negative errno with the range.
 */
#pragma once

#include "btrfs.h"
#include "image-json.h"
#include "layout.h"

#define IMAGE_EXTENT_MAX_BYTES (UINT64_C(16) << 20)
#define IMAGE_BLOCK_BYTES 4096

/* Extents of a whole image; @root: ranges from the start of the root partition. */
int image_map_base(int fd, const struct layout *l, const struct btrfs_range *root, size_t root_len,
		   struct image_json *ret, struct err *err) MUST_CHECK;
/*
 * Extents of a node's image: those of the root partition come from @base with their
 * digests, the others are read anew from @fd.
 */
int image_map_node(int fd, const struct layout *l, const struct image_json *base,
		   struct image_json *ret, struct err *err) MUST_CHECK;
/* Fill ret->partitions from a layout. */
int image_map_partitions(const struct layout *l, const char *boot_uuid, const char *root_uuid,
			 struct image_json *ret, struct err *err) MUST_CHECK;
/* Read all extents of @json (or only those of root) and compare; -EBADMSG names the first that
 * differs. */
int image_map_verify(int fd, const struct image_json *json, struct err *err) MUST_CHECK;
/* bmaptool's file, version 2.0, with checksums: text owned by the caller. */
int image_map_bmap(const struct image_json *json, char **ret, size_t *ret_len,
		   struct err *err) MUST_CHECK;
