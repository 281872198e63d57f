/*
 * ceph-range - which part of the system disk is Ceph's, and what is in it
 *
 * When the table has no entry of ours, an OSD of before a re-imaging may be behind root:
 * its label is looked for at every MiB from root's present end to the end of the disk, so
 * that it is found also when storage.root.size is another one. Offsets are bytes of the
 * disk. Nothing is written here.
 */
#pragma once

#include "probe.h"
#include "sysdisk.h"

struct ceph_scan {
	bool begun, finished;
	bool found;	  /* something that looks like a label is at @at */
	uint64_t at, end; /* next place to look at; where the disk's free part ends */
};
/* Go on looking for @budget_ms; s is zeroed for a start. finished tells when all is seen. */
int ceph_scan_some(int fd, const struct sysdisk *d, uint64_t budget_ms, struct ceph_scan *s,
		   struct err *err) MUST_CHECK;

struct ceph_range {
	bool is_set;
	uint64_t start, end;
};
/*
 * The range of the entry that is there, of the OSD that was found, or of the partition to
 * be; and what the probe says of it. An OSD of ours that does not fit there is foreign.
 * Errors as of sysdisk_ceph_range().
 */
int ceph_range_judge(int fd, const struct sysdisk *d, const struct ceph_scan *s,
		     uint64_t root_size_bytes, const char *our_fsid, struct ceph_range *ret,
		     struct probe_result *ret_found, struct err *err) MUST_CHECK;
