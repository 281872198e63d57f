#include "copy.h"

#include "file.h"

#include <linux/fs.h>
#include <stdbool.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

#define CHUNK_BYTES (256 * 1024)

static int copy_by_hand(int src_fd, uint64_t src, int dst_fd, uint64_t dst, uint64_t len,
			struct err *err)
{
	cleanup_free char *chunk = malloc(CHUNK_BYTES);

	if (!chunk)
		return err_nomem(err);
	while (len > 0) {
		size_t want = len < CHUNK_BYTES ? (size_t)len : CHUNK_BYTES;
		ssize_t n = pread_upto(src_fd, chunk, want, src);
		int r;

		if (n < 0)
			return err_errnof(err, (int)n, "cannot read while copying");
		if ((size_t)n < want)
			return err_setf(err, -EIO, "the file that is copied became shorter");
		r = pwrite_all(dst_fd, chunk, want, dst);
		if (r < 0)
			return err_errnof(err, r, "cannot write while copying");
		src += want;
		dst += want;
		len -= want;
	}
	return 0;
}

/* What copy_file_range says when it cannot, but read and write could. */
static bool is_unsupported(int r)
{
	return r == -EXDEV || r == -ENOSYS || r == -EOPNOTSUPP || r == -EINVAL || r == -EPERM;
}

int copy_range(int src_fd, uint64_t src_offset_bytes, int dst_fd, uint64_t dst_offset_bytes,
	       uint64_t len_bytes, struct err *err)
{
	off_t src = (off_t)src_offset_bytes, dst = (off_t)dst_offset_bytes;

	while (len_bytes > 0) {
		size_t want = len_bytes < (UINT64_C(1) << 30) ? (size_t)len_bytes : (size_t)1 << 30;
		ssize_t n = neg_errno(copy_file_range(src_fd, &src, dst_fd, &dst, want, 0));

		if (n == -EINTR)
			continue;
		/* 0: the end, or a filesystem that makes its files up (/proc); reading tells */
		if (n == 0 || is_unsupported((int)n))
			return copy_by_hand(src_fd, (uint64_t)src, dst_fd, (uint64_t)dst, len_bytes,
					    err);
		if (n < 0)
			return err_errnof(err, (int)n, "cannot copy");
		len_bytes -= (uint64_t)n;
	}
	return 0;
}

int copy_next_data(int fd, uint64_t from_bytes, uint64_t *ret_offset_bytes, uint64_t *ret_len_bytes,
		   struct err *err)
{
	off_t start, end;

	start = lseek(fd, (off_t)from_bytes, SEEK_DATA);
	if (start < 0 && errno == ENXIO)
		return 0;
	if (start < 0 && errno == EINVAL) { /* no SEEK_DATA here: all is data */
		end = lseek(fd, 0, SEEK_END);
		if (end < 0)
			return err_errnof(err, -errno, "cannot seek");
		if ((uint64_t)end <= from_bytes)
			return 0;
		*ret_offset_bytes = from_bytes;
		*ret_len_bytes = (uint64_t)end - from_bytes;
		return 1;
	}
	if (start < 0)
		return err_errnof(err, -errno, "cannot seek to data");
	end = lseek(fd, start, SEEK_HOLE);
	if (end < 0)
		return err_errnof(err, -errno, "cannot seek to a hole");
	*ret_offset_bytes = (uint64_t)start;
	*ret_len_bytes = (uint64_t)(end - start);
	return 1;
}

int copy_sparse(int src_fd, int dst_fd, uint64_t *ret_data_bytes, struct err *err)
{
	uint64_t at = 0, start, len, data_bytes = 0;
	struct stat st;
	int r;

	if (ioctl(dst_fd, FICLONE, src_fd) == 0) {
		if (ret_data_bytes)
			*ret_data_bytes = 0;
		return 0;
	}
	if (fstat(src_fd, &st) < 0)
		return err_errnof(err, -errno, "cannot look at the file to copy");
	if (ftruncate(dst_fd, st.st_size) < 0)
		return err_errnof(err, -errno, "cannot set the size of the copy");
	while ((r = copy_next_data(src_fd, at, &start, &len, err)) > 0) {
		r = copy_range(src_fd, start, dst_fd, start, len, err);
		if (r < 0)
			return r;
		data_bytes += len;
		at = start + len;
	}
	if (r < 0)
		return r;
	if (ret_data_bytes)
		*ret_data_bytes = data_bytes;
	return 0;
}
