#include "zst.h"
#include "file.h"
#include "tempfile.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <zstd.h>

#define LEVEL 3
#define BLOCK ((size_t)4 << 20)
#define WORKERS_MAX 16

static void free_cctx(ZSTD_CCtx **c)
{
	(void)ZSTD_freeCCtx(*c);
}

static int err_zstd(struct err *err, size_t code, const char *path)
{
	return err_setf(err, -EIO, "cannot compress '%s': %s", path, ZSTD_getErrorName(code));
}

static int configure(ZSTD_CCtx *z, uint64_t size, const char *from, struct err *err)
{
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);
	size_t r;

	r = ZSTD_CCtx_setParameter(z, ZSTD_c_compressionLevel, LEVEL);
	if (!ZSTD_isError(r))
		r = ZSTD_CCtx_setParameter(z, ZSTD_c_checksumFlag, 1);
	if (!ZSTD_isError(r))
		r = ZSTD_CCtx_setPledgedSrcSize(z, size);
	if (ZSTD_isError(r))
		return err_zstd(err, r, from);
	/* a libzstd without threads refuses; then one has to do */
	(void)ZSTD_CCtx_setParameter(z, ZSTD_c_nbWorkers,
				     cpus > WORKERS_MAX ? WORKERS_MAX : (int)cpus);
	return 0;
}

static int stream(ZSTD_CCtx *z, int in_fd, int out_fd, const char *from, struct err *err)
{
	cleanup_free char *in = malloc(BLOCK), *out = malloc(BLOCK);
	bool last = false;

	if (!in || !out)
		return err_nomem(err);
	while (!last) {
		ssize_t n = read_upto(in_fd, in, BLOCK);
		size_t left = 1;

		if (n < 0)
			return err_errnof(err, (int)n, "cannot read '%s'", from);
		last = (size_t)n < BLOCK;
		ZSTD_inBuffer ib = { in, (size_t)n, 0 };

		while (last ? left > 0 : ib.pos < ib.size) {
			ZSTD_outBuffer ob = { out, BLOCK, 0 };
			int r;

			left = ZSTD_compressStream2(z, &ob, &ib,
						    last ? ZSTD_e_end : ZSTD_e_continue);
			if (ZSTD_isError(left))
				return err_zstd(err, left, from);
			r = write_all(out_fd, out, ob.pos);
			if (r < 0)
				return err_errnof(err, r, "cannot write the compressed '%s'", from);
		}
	}
	return 0;
}

int zst_file(const char *from, const char *to, struct err *err)
{
	CLEANUP(free_cctx) ZSTD_CCtx *z = ZSTD_createCCtx();
	cleanup_close int in = neg_errno(open(from, O_RDONLY | O_CLOEXEC));
	cleanup_tempfile struct tempfile *t = NULL;
	struct stat st;
	int r;

	if (!z)
		return err_nomem(err);
	if (in < 0 || fstat(in, &st) < 0)
		return err_errnof(err, in < 0 ? in : -errno, "cannot open '%s'", from);
	r = configure(z, (uint64_t)st.st_size, from, err);
	if (r == 0)
		r = tempfile_new(to, &t, err);
	if (r == 0)
		r = stream(z, in, t->fd, from, err);
	if (r == 0)
		r = tempfile_commit(t, to, 0600, err);
	return r;
}
