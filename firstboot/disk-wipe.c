#include "disk-wipe.h"

#include "file.h"
#include "probe.h"

#include <linux/fs.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

#define STEP "ceph-disk"
#define MIB ((uint64_t)1 << 20)
/* The probe tells of at most PROBE_FINDS_MAX places a time and looks at some 520. */
#define ROUNDS_MAX 64

/* A serial is a record's detail as it is, so it must come back from the journal unchanged. */
static bool is_exact(const char *serial)
{
	size_t len = strlen(serial);

	for (size_t i = 0; i < len; i++)
		if (serial[i] < 0x20 || serial[i] > 0x7e)
			return false;
	return len > 0 && len <= WIPE_SERIAL_MAX;
}

enum wipe_grant wipe_granted(const struct journal *j, const struct json_strings *asked,
			     const char *serial)
{
	if (!is_exact(serial) || journal_last(j, STEP, "wipe-end", serial))
		return WIPE_NO;
	if (journal_last(j, STEP, "wipe-begin", serial))
		return WIPE_RESUME;
	for (size_t i = 0; i < asked->len; i++)
		if (strcmp(asked->items[i], serial) == 0)
			return WIPE_NEW;
	return WIPE_NO;
}

static int record(struct journal *j, const char *event, const char *serial, struct err *err)
{
	if (!is_exact(serial))
		return err_setf(
			err, -EINVAL,
			"a disk is wiped by its serial alone, and this one's is empty, longer "
			"than %d bytes or has bytes that are no printable ASCII",
			WIPE_SERIAL_MAX);
	return journal_add(j, STEP, event, serial, err);
}

int wipe_begin(struct journal *j, const char *serial, struct err *err)
{
	return record(j, "wipe-begin", serial, err);
}

int wipe_end(struct journal *j, const char *serial, struct err *err)
{
	return record(j, "wipe-end", serial, err);
}

struct area {
	int fd;
	uint64_t offset, size;
	unsigned char *zero; /* MIB bytes */
};

/* Zero [at, at + MIB) of the range, clipped to it. */
static int zero_mib(const struct area *a, uint64_t at, struct err *err)
{
	size_t len;
	int r;

	if (at >= a->size)
		return 0;
	len = a->size - at < MIB ? (size_t)(a->size - at) : (size_t)MIB;
	r = pwrite_all(a->fd, a->zero, len, a->offset + at);
	return r < 0 ? err_errnof(err, r, "cannot write zeros at byte %ju",
				  (uintmax_t)(a->offset + at))
		     : 0;
}

static int sync_area(const struct area *a, struct err *err)
{
	return fsync(a->fd) < 0 ? err_errnof(err, -errno, "cannot sync what was zeroed") : 0;
}

/* A disk that cannot discard is told by the probe's next look, not by an error. */
static void discard(const struct area *a)
{
	uint64_t range[2] = { a->offset, a->size };
	struct stat st;

	if (fstat(a->fd, &st) == 0 && S_ISBLK(st.st_mode))
		(void)ioctl(a->fd, BLKDISCARD, range);
}

static int zero_places(const struct area *a, struct err *err)
{
	int r = 0;

	for (size_t i = 0; i < BLUESTORE_PLACES && r >= 0; i++)
		r = zero_mib(a, bluestore_places[i], err);
	if (r >= 0)
		r = zero_mib(a, a->size > MIB ? a->size - MIB : 0, err);
	return r < 0 ? r : sync_area(a, err);
}

int wipe_range(int fd, uint64_t offset_bytes, uint64_t size_bytes, const char *our_fsid,
	       struct err *err)
{
	cleanup_free unsigned char *zero = calloc(1, MIB);
	struct area a = { fd, offset_bytes, size_bytes, zero };
	struct probe_result found;
	int r;

	if (!zero)
		return err_nomem(err);
	r = probe_range(fd, offset_bytes, size_bytes, our_fsid, &found, err);
	if (r < 0)
		return r;
	if (found.verdict == PROBE_OURS)
		return err_setf(err, -EPERM, "an OSD of this cluster is never wiped");
	r = zero_places(&a, err);
	if (r < 0)
		return r;
	discard(&a);
	for (int i = 0; i < ROUNDS_MAX; i++) {
		r = probe_range(fd, offset_bytes, size_bytes, NULL, &found, err);
		if (r < 0 || found.verdict == PROBE_BLANK)
			return r;
		for (size_t k = 0; k < found.finds_len && r >= 0; k++)
			r = zero_mib(&a, found.finds[k].offset_bytes / MIB * MIB, err);
		if (r >= 0)
			r = sync_area(&a, err);
		if (r < 0)
			return r;
	}
	return err_setf(err, -EIO, "it is not blank after the wipe: at 0x%jx: %s",
			(uintmax_t)found.finds[0].offset_bytes, found.finds[0].what);
}
