/*
 * bluestore - decode the label that Ceph writes at the start of an OSD's disk
 *
 * 4 KiB: "bluestore block device\n", the OSD's UUID and "\n" (60 bytes), then Ceph's
 * encoding of {osd_uuid, size, btime, description, meta}, then a CRC-32C (seed -1, no
 * final inversion) over all before it. Since Squid copies stand at 1, 10, 100 and
 * 1000 GiB. Source: Ceph, src/os/bluestore/bluestore_types.cc,
 * bluestore_bdev_label_t, and BlueStore::_write_bdev_label.
 * The label also holds the OSD's key: only what is named here is ever kept.
 */
#pragma once

#include "macros.h"

#include <stdbool.h>

#define BLUESTORE_LABEL_BYTES 4096
#define BLUESTORE_PLACES 5
extern const uint64_t bluestore_places[BLUESTORE_PLACES]; /* bytes: 0 and the copies */

struct bluestore_label {
	char osd_uuid[37];
	char ceph_fsid[37];   /* "" when the label names none (DB and WAL devices) */
	uint64_t size_bytes;  /* of the device as BlueStore knows it */
	char description[64]; /* "main", "bluefs db" */
	char whoami[16];      /* the OSD's number, "" when not there yet */
};

/* Does the block start like a label, be it damaged? */
bool bluestore_looks_like(const unsigned char block[BLUESTORE_LABEL_BYTES]);
/* 0, or -EBADMSG: no label, or one that does not decode or whose CRC is wrong. */
int bluestore_decode(const unsigned char block[BLUESTORE_LABEL_BYTES],
		     struct bluestore_label *ret) MUST_CHECK;
