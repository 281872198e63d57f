/*
 * seed-json - seed.json: what a seed is and whom it is for
 *
 * The first member of a seed's tar (docs/formats.md). After the import it lies in
 * /var/lib/kiln/seed.json with @digest set.
 *
 * seed_json_parse() fills a zeroed struct that seed_json_done() releases; errors as in
 * json-table.h. seed_json_format() gives the file's text, owned by the caller.
 */
#pragma once

#include "disk-match.h"

#define SEED_SCHEMA 1
#define SEED_JSON_MAX ((size_t)64 << 10)

struct seed_json {
	char *cluster;	  /* name */
	char *cluster_id; /* 32 hex digits */
	char *node, *board;
	char *base; /* id of the base image it was made for */
	struct {
		char *mac;    /* NULL: not asked */
		char *serial; /* NULL: not asked; DMI or device-tree serial number */
	} machine;
	struct disk_match system_disk;
	uint64_t baked_at;	  /* seconds since 1970; the clock is never set before it */
	struct json_strings wipe; /* serials of disks that may be emptied, once */
	char *digest;		  /* SHA-256 of the tar; NULL inside the tar itself */
};

int seed_json_parse(const char *text, size_t len, struct seed_json *ret,
		    struct err *err) MUST_CHECK;
int seed_json_format(const struct seed_json *s, char **ret, size_t *ret_len,
		     struct err *err) MUST_CHECK;
void seed_json_done(struct seed_json *s);
#define cleanup_seed_json CLEANUP(seed_json_done)
