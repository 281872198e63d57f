/*
 * image-json - image.json: what an image is made of and where its data lies
 *
 * Beside the image in out/. Offsets and sizes are bytes; extents are sorted and do
 * not overlap; what no extent covers is not cared for.
 *
 * image_json_parse() fills a zeroed struct that image_json_done() releases; errors as in
 * json-table.h. image_json_format() gives the file's text, owned by the caller.
 */
#pragma once

#include "json-table.h"

#define IMAGE_SCHEMA 1
#define IMAGE_JSON_MAX ((size_t)64 << 20)

struct image_input {
	char *name, *version; /* version: NULL where there is none */
	char *sha256;
};
struct image_partition {
	unsigned int number; /* from 1 */
	char *label;	     /* GPT's */
	char *type, *uuid;   /* GUIDs in lower case */
	uint64_t start_bytes, size_bytes;
	char *filesystem; /* vfat, btrfs; NULL: none */
	char *fs_uuid;	  /* NULL: none */
};
struct image_extent {
	uint64_t offset_bytes, length_bytes;
	char *sha256;
};
struct image_json {
	char *cluster, *node, *board;
	char *base; /* id */
	char *seed; /* digest; NULL: an image without a seed */
	uint64_t size_bytes;
	char *sha256; /* of the whole image, holes as zeros; NULL until asked for */
	JSON_LIST_OF(struct image_input) inputs;
	JSON_LIST_OF(struct image_partition) partitions;
	JSON_LIST_OF(struct image_extent) extents;
};

int image_json_parse(const char *text, size_t len, struct image_json *ret,
		     struct err *err) MUST_CHECK;
int image_json_format(const struct image_json *s, char **ret, size_t *ret_len,
		      struct err *err) MUST_CHECK;
void image_json_done(struct image_json *s);
#define cleanup_image_json CLEANUP(image_json_done)
