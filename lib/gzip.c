#include "gzip.h"

#include <limits.h>
#include <zlib.h>

int gzip_mem(const void *data, size_t len, char **ret, size_t *ret_len, struct err *err)
{
	z_stream z = { .next_in = (Bytef *)(uintptr_t)data, .avail_in = (uInt)len };
	cleanup_free char *out = NULL;
	uLong max;
	int r;

	if (len > UINT_MAX / 2)
		return err_setf(err, -E2BIG, "cannot compress %zu bytes at once", len);
	if (deflateInit2(&z, 6, Z_DEFLATED, 15 + 16, 9, Z_DEFAULT_STRATEGY) != Z_OK)
		return err_nomem(err);
	max = deflateBound(&z, (uLong)len);
	out = malloc(max);
	if (!out) {
		(void)deflateEnd(&z);
		return err_nomem(err);
	}
	z.next_out = (Bytef *)out;
	z.avail_out = (uInt)max;
	r = deflate(&z, Z_FINISH);
	(void)deflateEnd(&z);
	if (r != Z_STREAM_END)
		return err_setf(err, -EIO, "cannot compress: zlib says %d", r);
	*ret_len = z.total_out;
	*ret = TAKE_PTR(out);
	return 0;
}
