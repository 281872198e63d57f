/*
 * probe - is this disk blank, ours, or somebody's? Read-only.
 *
 * The rule for Ceph's disk:
 *	blank    first and last MiB and a MiB at each place of a BlueStore label all
 *	         zero, samples between them zero, no signature or table of any kind
 *	ours     a BlueStore label at the start that decodes, CRC right, whose ceph_fsid
 *	         is the given one
 *	foreign  everything else; what cannot be read or is unsure too
 * Offsets are bytes from the start of the range that was looked at. A damaged
 * BlueStore label is foreign. Nothing is ever written; the descriptor may be
 * O_RDONLY. Sources: libblkid's probes (all of them, damaged ones included), our
 * own look at both ends for GPT headers, Ceph's label places (bluestore.h).
 */
#pragma once

#include "bluestore.h"
#include "err.h"

#include <jansson.h>

enum probe_verdict { PROBE_BLANK, PROBE_OURS, PROBE_FOREIGN };
const char *probe_verdict_to_string(enum probe_verdict v);

#define PROBE_FINDS_MAX 24

struct probe_find {
	uint64_t offset_bytes;
	char what[160]; /* "ext4 filesystem 'data'", "data that is not zero" */
};
struct probe_result {
	enum probe_verdict verdict;
	uint64_t size_bytes;			  /* of the range */
	struct probe_find finds[PROBE_FINDS_MAX]; /* in the order they were found */
	size_t finds_len;
	bool has_label; /* the label at the start decoded */
	struct bluestore_label label;
};

/*
 * Look at [offset_bytes, offset_bytes + size_bytes) of fd. our_fsid NULL: not known
 * yet, so that no OSD can be ours. Fails only on misuse or shortage of memory: what
 * the disk does is a verdict.
 */
int probe_range(int fd, uint64_t offset_bytes, uint64_t size_bytes, const char *our_fsid,
		struct probe_result *ret, struct err *err) MUST_CHECK;
/* The whole of a device or file, opened read-only. */
int probe_path(const char *path, const char *our_fsid, struct probe_result *ret,
	       struct err *err) MUST_CHECK;
/* What a person can do about it, in words. */
const char *probe_advice(const struct probe_result *p);
/* For people and programs. */
void probe_print(const struct probe_result *p, const char *path, FILE *out);
json_t *probe_to_json(const struct probe_result *p, const char *path);
