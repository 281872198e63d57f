/* modules-read - the contents of a module, unpacked; see modules.h */
#include "modules-set.h"

#include "archive-util.h"

#include <string.h>

#define MODULE_MAX (64U << 20) /* bytes of one module, unpacked; the largest have about 20 MB */
#define CHUNK (64U << 10)

static int read_archive(struct archive *a, const char *path, struct buf *b, struct err *err)
{
	cleanup_free char *chunk = malloc(CHUNK);
	struct archive_entry *entry;
	la_ssize_t n;

	if (!chunk)
		return err_nomem(err);
	if (archive_read_next_header(a, &entry) != ARCHIVE_OK)
		return err_archive(err, a, "cannot unpack module '%s'", path);
	while ((n = archive_read_data(a, chunk, CHUNK)) > 0)
		(void)buf_add(b, chunk, (size_t)n);
	if (n < 0)
		return err_archive(err, a, "cannot unpack module '%s'", path);
	if (buf_error(b) == -E2BIG)
		return err_setf(err, -E2BIG, "module '%s' is above %u MiB", path, MODULE_MAX >> 20);
	if (buf_error(b) < 0)
		return err_nomem(err);
	if (b->len < 4 || memcmp(b->data, "\177ELF", 4) != 0)
		return err_setf(err, -ENOEXEC, "module '%s' is damaged: no ELF file inside", path);
	return 0;
}

int modules_read(const struct modules *m, const char *path, char **ret, size_t *ret_len,
		 struct err *err)
{
	cleanup_archive_read struct archive *a = NULL;
	cleanup_buf struct buf b = BUF_INIT(MODULE_MAX);
	cleanup_close int fd = -EBADF;
	int r;

	r = modules_open_file(m, path, &fd, err);
	if (r < 0)
		return r;
	a = archive_read_new();
	if (!a)
		return err_nomem(err);
	if (archive_read_support_filter_xz(a) != ARCHIVE_OK ||
	    archive_read_support_filter_zstd(a) != ARCHIVE_OK ||
	    archive_read_support_filter_gzip(a) != ARCHIVE_OK ||
	    archive_read_support_format_raw(a) != ARCHIVE_OK ||
	    archive_read_open_fd(a, fd, CHUNK) != ARCHIVE_OK)
		return err_archive(err, a, "cannot unpack module '%s'", path);
	r = read_archive(a, path, &b, err);
	if (r < 0)
		return r;
	*ret = buf_steal(&b, ret_len);
	return *ret ? 0 : err_nomem(err);
}
