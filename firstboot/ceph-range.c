#include "ceph-range.h"

#include "clock.h"
#include "file.h"

#include <fcntl.h>

#define LOOK_AT_CLOCK 256 /* reads between two looks at the time */

int ceph_scan_some(int fd, const struct sysdisk *d, uint64_t budget_ms, struct ceph_scan *s,
		   struct err *err)
{
	unsigned char block[BLUESTORE_LABEL_BYTES];
	uint64_t until_ms = clock_ms() + budget_ms;

	if (!s->begun) {
		s->at = (d->root_end + SYSDISK_GRAIN - 1) / SYSDISK_GRAIN * SYSDISK_GRAIN;
		s->end = d->free_end;
		s->begun = true;
		(void)posix_fadvise(fd, 0, 0, POSIX_FADV_RANDOM);
	}
	for (unsigned int n = 1; !s->finished; n++) {
		ssize_t got;

		if (s->at >= s->end) {
			s->finished = true;
			break;
		}
		got = pread_upto(fd, block, sizeof(block), s->at);
		if (got < 0)
			return err_errnof(err, (int)got, "cannot read at byte %ju",
					  (uintmax_t)s->at);
		if (got == sizeof(block) && bluestore_looks_like(block)) {
			s->found = s->finished = true;
			break;
		}
		s->at += SYSDISK_GRAIN;
		if (n % LOOK_AT_CLOCK == 0 && clock_ms() >= until_ms)
			break;
	}
	return 0;
}

int ceph_range_judge(int fd, const struct sysdisk *d, const struct ceph_scan *s,
		     uint64_t root_size_bytes, const char *our_fsid, struct ceph_range *ret,
		     struct probe_result *ret_found, struct err *err)
{
	struct ceph_range range = { .is_set = true, .start = s->at, .end = d->free_end };
	struct probe_result found;
	int r = 0;

	if (d->has_ceph) {
		range.start = d->ceph_start;
		range.end = d->ceph_end;
	} else if (s->found && d->next_start) {
		return err_setf(err, -EEXIST,
				"an OSD is at byte %ju, but partition %u is behind root: Ceph's "
				"entry cannot be added beside it",
				(uintmax_t)s->at, d->next_number);
	} else if (!s->found) {
		r = sysdisk_ceph_range(d, root_size_bytes, &range.start, &range.end, err);
	}
	if (r >= 0)
		r = probe_range(fd, range.start, range.end - range.start, our_fsid, &found, err);
	if (r < 0)
		return r;
	/* A copy of a label whose OSD begins elsewhere reaches beyond the end. */
	if (found.verdict == PROBE_OURS && found.label.size_bytes > range.end - range.start) {
		found.verdict = PROBE_FOREIGN;
		(void)snprintf(found.finds[0].what, sizeof(found.finds[0].what),
			       "a label of an OSD of ours, %ju bytes, that does not fit here",
			       (uintmax_t)found.label.size_bytes);
		found.finds[0].offset_bytes = 0;
		if (!found.finds_len)
			found.finds_len = 1;
	}
	*ret = range;
	*ret_found = found;
	return 0;
}
