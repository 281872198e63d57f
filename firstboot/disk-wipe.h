/*
 * disk-wipe - the one-time zeroing of a disk that its owner has given up by its serial
 *
 * The journal decides: "wipe-begin" is written before the first byte, "wipe-end" when the
 * range was found blank (or needed no wipe). In between a restart goes on with it; after
 * that the word in the seed counts no more. An OSD of ours is never wiped.
 * The serial is the record's detail, byte for byte: two disks never share a record. One that
 * the journal could not give back so (not printable ASCII, too long) is never wiped.
 */
#pragma once

#include "journal.h"
#include "json-table.h"

#define WIPE_SERIAL_MAX 120

enum wipe_grant {
	WIPE_NO,     /* not asked for, or consumed */
	WIPE_NEW,    /* asked for by the seed, not begun */
	WIPE_RESUME, /* begun and not ended */
};
/* @serial: of the disk; a disk without one is never wiped. */
enum wipe_grant wipe_granted(const struct journal *j, const struct json_strings *asked,
			     const char *serial);
/* -EINVAL: the serial is none that a disk can be wiped by. */
int wipe_begin(struct journal *j, const char *serial, struct err *err) MUST_CHECK;
int wipe_end(struct journal *j, const char *serial, struct err *err) MUST_CHECK;

/*
 * Zero a MiB at each place of a BlueStore label and at the end (GPT's ends are within), sync,
 * discard (block devices only), then zero what the probe still finds until it finds nothing.
 * Nothing outside [offset, offset + size) is written. -EPERM: it is an OSD of @our_fsid.
 */
int wipe_range(int fd, uint64_t offset_bytes, uint64_t size_bytes, const char *our_fsid,
	       struct err *err) MUST_CHECK;
