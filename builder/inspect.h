/*
 * inspect - what an image (or a disk) holds: partitions, boot files, base, seed
 *
 * Reads only; nothing is mounted. What is missing or damaged is left out and told in
 * `problems`, so that a half-written image can be looked at too.
 * Ownership: an inspection owns all it points to. No text of a secret is in it: of a seed
 * only seed.json is read.
 */
#pragma once

#include "base-json.h"
#include "boot-read.h"
#include "fat.h"
#include "gpt.h"
#include "image-json.h"
#include "seed-json.h"

#include <jansson.h>

#define INSPECT_PROBLEMS_MAX 32

struct inspect_seed {
	char *file; /* owned; "kiln/seed-<digest>.tar"; NULL: none */
	uint64_t size_bytes;
	bool digest_right; /* its contents are what its name says */
	struct seed_json json;
};
struct inspection {
	char *path;			 /* owned */
	int fd;				 /* owned */
	uint64_t size_bytes, data_bytes; /* length; what the file system stores of it */
	struct gpt_table gpt;
	struct gpt_probe probes[GPT_PARTS_MAX];
	bool has_fat, has_base, has_start, has_description;
	struct fat fat;
	char (*digests)[65]; /* owned; SHA-256 of each of fat.entries */
	enum boot_kind kind;
	struct base_json base;
	struct boot_read start;
	struct inspect_seed seed;
	struct image_json description;	      /* image.json beside it */
	char *problems[INSPECT_PROBLEMS_MAX]; /* owned */
	size_t problems_len;
};
int inspect_image(const char *path, struct inspection *ret, struct err *err) MUST_CHECK;
void inspection_done(struct inspection *i);
#define cleanup_inspection CLEANUP(inspection_done)
int inspection_problemf(struct inspection *i, const char *fmt, ...) PRINTF_LIKE(2, 3);

void inspection_print(const struct inspection *i, FILE *out);
int inspection_json(const struct inspection *i, json_t **ret, struct err *err) MUST_CHECK;
