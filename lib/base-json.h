/*
 * base-json - base.json: which base image a root is
 *
 * /usr/lib/kiln/base.json in the root, and a copy in kiln/ on the boot partition.
 *
 * base_json_parse() fills a zeroed struct that base_json_done() releases; errors as in
 * json-table.h. base_json_format() gives the file's text, owned by the caller.
 */
#pragma once

#include "json-table.h"

#define BASE_SCHEMA 1
#define BASE_JSON_MAX ((size_t)64 << 10)

struct base_json {
	char *id;	     /* SHA-256 of all inputs */
	char *cluster_id;    /* 32 hex digits */
	char *board, *arch;  /* arch: Debian's name */
	char *kernel;	     /* release: 7.3.4+deb13-arm64 */
	uint64_t created_at; /* seconds since 1970 */
	char *root_uuid;     /* of the Btrfs */
	char *boot_uuid;     /* of the FAT as blkid shows it: 1A2B-3C4D */
};

int base_json_parse(const char *text, size_t len, struct base_json *ret,
		    struct err *err) MUST_CHECK;
int base_json_format(const struct base_json *s, char **ret, size_t *ret_len,
		     struct err *err) MUST_CHECK;
void base_json_done(struct base_json *s);
#define cleanup_base_json CLEANUP(base_json_done)
