/* rootfs-data - what is in a tree's files; see rootfs.h */
#include "rootfs.h"
#include "file.h"

#include <assert.h>
#include <string.h>

#define BLOCK (1U << 16)

int rootfs_set_data(struct rootfs *t, struct rootfs_node *n, const void *data, size_t len,
		    struct err *err)
{
	int r = pwrite_all(t->spool_fd, data, len, t->spool_bytes);

	if (r < 0)
		return err_errnof(err, r, "cannot store '%s'", n->path);
	free(n->link);
	n->link = NULL;
	n->mode = S_IFREG | (n->mode & 07777);
	n->hard = 0;
	n->fd = t->spool_fd;
	n->offset_bytes = t->spool_bytes;
	n->size_bytes = len;
	t->spool_bytes += len;
	return 0;
}

int rootfs_read(const struct rootfs_node *n, char **ret, size_t *ret_len, struct err *err)
{
	cleanup_free char *data = NULL;
	ssize_t got;

	if (n->size_bytes > ROOTFS_SMALL_MAX)
		return err_setf(err, -EFBIG, "'/%s' has more than %u bytes", n->path,
				ROOTFS_SMALL_MAX);
	data = malloc(n->size_bytes + 1);
	if (!data)
		return err_nomem(err);
	got = n->size_bytes ? pread_upto(n->fd, data, n->size_bytes, n->offset_bytes) : 0;
	if (got < 0)
		return err_errnof(err, (int)got, "cannot read '/%s'", n->path);
	if ((uint64_t)got != n->size_bytes)
		return err_setf(err, -EIO, "'/%s' is shorter than its archive says", n->path);
	data[got] = '\0';
	*ret = TAKE_PTR(data);
	if (ret_len)
		*ret_len = n->size_bytes;
	return 0;
}

int rootfs_contains(const struct rootfs_node *n, const char *needle, bool *ret, struct err *err)
{
	size_t keep = strlen(needle) - 1, have = 0;
	char block[BLOCK];

	assert(keep + 1 < BLOCK / 2);
	for (uint64_t at = 0; at < n->size_bytes;) {
		uint64_t left = n->size_bytes - at;
		size_t want = left < BLOCK - have ? (size_t)left : BLOCK - have;
		ssize_t got = pread_upto(n->fd, block + have, want, n->offset_bytes + at);

		if (got <= 0)
			return err_errnof(err, got < 0 ? (int)got : -EIO, "cannot read '/%s'",
					  n->path);
		at += (uint64_t)got;
		have += (size_t)got;
		if (memmem(block, have, needle, keep + 1)) {
			*ret = true;
			return 0;
		}
		if (have > keep) {
			memmove(block, block + have - keep, keep);
			have = keep;
		}
	}
	*ret = false;
	return 0;
}

int rootfs_is_elf(const struct rootfs_node *n, bool *ret, struct err *err)
{
	char magic[4] = { 0 };
	ssize_t got = 0;

	if (S_ISREG(n->mode) && n->size_bytes >= sizeof(magic))
		got = pread_upto(n->fd, magic, sizeof(magic), n->offset_bytes);
	if (got < 0)
		return err_errnof(err, (int)got, "cannot read '/%s'", n->path);
	*ret = got == sizeof(magic) && memcmp(magic, "\177ELF", sizeof(magic)) == 0;
	return 0;
}
