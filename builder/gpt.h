/*
 * gpt - write the partition table of a layout into an image, read one from an image
 *
 * Writing is libfdisk's, reading libblkid's: what one wrote the other judges.
 * Units: bytes outside, sectors of 512 bytes inside.
 * Ownership: a gpt_table owns nothing beyond itself.
 * Errors: -EINVAL: no GPT, or one whose checksums are wrong; libfdisk's text otherwise.
 */
#pragma once

#include "layout.h"

#include <stdbool.h>

#define GPT_PARTS_MAX 16

struct gpt_part {
	unsigned int number; /* from 1 */
	char label[128];     /* UTF-8 */
	char type[GUID_TEXT_MAX], uuid[GUID_TEXT_MAX];
	uint64_t start_bytes, size_bytes;
};
struct gpt_table {
	char disk_uuid[GUID_TEXT_MAX];
	struct gpt_part parts[GPT_PARTS_MAX];
	size_t len;
};

/* @fd is an image of at least l->disk_bytes, open for reading and writing. */
int gpt_write(int fd, const char *path, const struct layout *l, struct err *err) MUST_CHECK;
int gpt_read(int fd, const char *path, struct gpt_table *ret, struct err *err) MUST_CHECK;
/* What libblkid finds in a range: type ("btrfs", "vfat"), UUID; "" where nothing is. */
struct gpt_probe {
	char type[32], uuid[GUID_TEXT_MAX], label[64];
};
int gpt_probe(int fd, uint64_t start_bytes, uint64_t size_bytes, struct gpt_probe *ret,
	      struct err *err) MUST_CHECK;
/* Does @t hold exactly what @l says? -EBADMSG names the first difference. */
int gpt_matches(const struct gpt_table *t, const struct layout *l, struct err *err) MUST_CHECK;
