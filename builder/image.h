/*
 * image - base images of boards, kept in the cache, and the images of nodes made from them
 *
 * <cache>/images/<id>.img and .json       a base image: all that a board's nodes share
 * out/<node>.img, <node>.image.json, <node>.bmap      a node's
 *
 * A base image is made once for one set of inputs; its id is their digest. A node's image
 * is a copy of it (a reflink where the desk's file system can) with the node's GUIDs, its
 * seed and its boot files. When only those change, the image that is there is taken out
 * of its final name, patched, verified and put back: a killed bake leaves either no file
 * under the final name or a whole one.
 *
 * Ownership: results are owned by the caller. All paths are beside cluster.yaml.
 * Errors name the node or board and the phase.
 */
#pragma once

#include "base-json.h"
#include "cluster.h"
#include "board.h"
#include "image-json.h"
#include "layout.h"
#include "phase.h"
#include "seed.h"

enum image_flags {
	IMAGE_OFFLINE = 1 << 0, /* only what the cache has */
	IMAGE_ZST = 1 << 1,	/* out/<node>.img.zst too */
	IMAGE_EMULATE = 1 << 2, /* foreign roots under qemu-user instead of the twin */
};

struct image_base {
	struct base_json base;
	struct image_json json; /* node: the board's name; no seed */
	struct layout layout;	/* without GUIDs of disk and partitions */
	char *path;		/* owned */
	bool cached;		/* it was there already */
};
unsigned int image_base_flags(unsigned int flags); /* enum image_flags as enum base_flags */
int image_base_get(const struct cluster *c, const struct board *b, unsigned int flags,
		   struct phases *ph, struct image_base *ret, struct err *err) MUST_CHECK;
void image_base_done(struct image_base *b);
#define cleanup_image_base CLEANUP(image_base_done)

enum image_result { IMAGE_MADE, IMAGE_PATCHED, IMAGE_UNCHANGED };
struct image_node_spec {
	const struct cluster *cluster;
	const struct node *node;
	const struct board *board;
	const struct image_base *base;
	const char *bundle_path; /* NULL: none */
	const char *const *wipe; /* serials, NULL-terminated; NULL: none */
	uint64_t now;		 /* seconds since 1970 */
	unsigned int flags;	 /* enum image_flags */
};
int image_node_bake(const struct image_node_spec *spec, struct phases *ph, enum image_result *ret,
		    struct err *err) MUST_CHECK;

/* "<folder of cluster.yaml>/out/<node><suffix>", owned by the caller; NULL: no memory. */
char *image_out_path(const struct cluster *c, const char *node, const char *suffix);
#define IMAGE_SUFFIX ".img"
#define IMAGE_JSON_SUFFIX ".image.json"
#define IMAGE_BMAP_SUFFIX ".bmap"
/* image.json beside an image of out/; -ENOENT when it is missing. */
int image_json_load(const char *path, struct image_json *ret, struct err *err) MUST_CHECK;
/* Places and types as image.json has them; GUIDs as well. */
int image_json_layout(const struct image_json *j, struct layout *ret, struct err *err) MUST_CHECK;
/* SOURCE_DATE_EPOCH when it is set, else the clock. */
int image_now(uint64_t *ret, struct err *err) MUST_CHECK;
