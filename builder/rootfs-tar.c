/* rootfs-tar - trees from and to tar files; see rootfs.h */
#include "archive-util.h"
#include "rootfs.h"
#include "file.h"

#include <string.h>
#include <sys/sysmacros.h>

#define TAR_BLOCK 512U
#define COPY_BYTES (1U << 18)

/* "./usr/bin/" is "usr/bin", "." and "./" are "". */
static int clean_path(const char *name, char *dst)
{
	size_t len;

	while (name[0] == '.' && name[1] == '/')
		name += 1 + strspn(name + 1, "/");
	if (strcmp(name, ".") == 0)
		name = "";
	len = strlen(name);
	while (len && name[len - 1] == '/')
		len--;
	if (len >= ROOTFS_PATH_MAX)
		return -ENAMETOOLONG;
	memcpy(dst, name, len);
	dst[len] = '\0';
	return 0;
}

static int take_xattrs(struct rootfs_node *n, struct archive_entry *e)
{
	const char *name;
	const void *value;
	size_t len;
	int r = 0;

	rootfs_clear_xattrs(n);
	(void)archive_entry_xattr_reset(e);
	while (r >= 0 && archive_entry_xattr_next(e, &name, &value, &len) == ARCHIVE_OK)
		r = rootfs_set_xattr(n, name, value, len);
	return r;
}

static int take_hardlink(struct rootfs *t, struct rootfs_node *n, const char *to, struct err *err)
{
	char path[ROOTFS_PATH_MAX];
	struct rootfs_node *first;

	first = clean_path(to, path) < 0 ? NULL : rootfs_find(t, path);
	if (!first || !S_ISREG(first->mode))
		return err_setf(err, -EBADMSG, "'/%s' is a hard link to '/%s', which is not there",
				n->path, to);
	rootfs_set_hardlink(t, n, first);
	return 0;
}

static int take_entry(struct rootfs *t, struct archive_entry *e, struct rootfs_node **ret,
		      struct err *err)
{
	char path[ROOTFS_PATH_MAX];
	const char *name = archive_entry_pathname(e);
	struct rootfs_node *n;

	if (!name || clean_path(name, path) < 0)
		return err_setf(err, -EBADMSG, "a member has no usable name");
	n = rootfs_add(t, path);
	if (!n)
		return err_nomem(err);
	n->uid = (uid_t)archive_entry_uid(e);
	n->gid = (gid_t)archive_entry_gid(e);
	n->mtime_s = archive_entry_mtime(e);
	*ret = n;
	if (take_xattrs(n, e) < 0)
		return err_nomem(err);
	if (archive_entry_hardlink(e))
		return take_hardlink(t, n, archive_entry_hardlink(e), err);
	if (archive_entry_filetype(e) == AE_IFLNK)
		return rootfs_set_link(n, archive_entry_symlink(e), err);
	n->mode = archive_entry_mode(e);
	n->dev_major = (uint32_t)archive_entry_rdevmajor(e);
	n->dev_minor = (uint32_t)archive_entry_rdevminor(e);
	n->hard = 0;
	n->size_bytes = S_ISREG(n->mode) ? (uint64_t)archive_entry_size(e) : 0;
	if (archive_entry_sparse_count(e) > 0)
		return err_setf(err, -ENOTSUP, "'/%s' is sparse in the archive", path);
	return 0;
}

/* Where contents lie is known from the next header: they end there, padded to 512. */
static int place(struct rootfs_node *n, int fd, uint64_t next_header, struct err *err)
{
	uint64_t room = (n->size_bytes + TAR_BLOCK - 1) / TAR_BLOCK * TAR_BLOCK;

	if (room > next_header)
		return err_setf(err, -EBADMSG, "'/%s' begins before the archive", n->path);
	n->fd = fd;
	n->offset_bytes = next_header - room;
	return 0;
}

int rootfs_read_tar(struct rootfs *t, int fd, struct err *err)
{
	cleanup_archive_read struct archive *a = archive_read_new();
	struct rootfs_node *last = NULL;
	struct archive_entry *e;
	int r, ar;

	if (!a)
		return err_nomem(err);
	(void)archive_read_support_format_tar(a);
	if (lseek(fd, 0, SEEK_SET) != 0 || archive_read_open_fd(a, fd, COPY_BYTES) != ARCHIVE_OK)
		return err_archive(err, a, "cannot read the root's archive");
	while ((ar = archive_read_next_header(a, &e)) == ARCHIVE_OK) {
		if (last) {
			r = place(last, fd, (uint64_t)archive_read_header_position(a), err);
			if (r < 0)
				return r;
			last = NULL;
		}
		struct rootfs_node *n = NULL;

		r = take_entry(t, e, &n, err);
		if (r < 0)
			return err_wrapf(err, r, "root's archive");
		if (S_ISREG(n->mode) && n->size_bytes && !archive_entry_hardlink(e))
			last = n;
	}
	if (ar != ARCHIVE_EOF)
		return err_archive(err, a, "cannot read the root's archive");
	return last ? place(last, fd, (uint64_t)archive_read_header_position(a), err) : 0;
}

static int copy_out(struct archive *a, const struct rootfs_node *n, char *block, struct err *err)
{
	for (uint64_t at = 0; at < n->size_bytes;) {
		uint64_t left = n->size_bytes - at;
		size_t want = left < COPY_BYTES ? (size_t)left : COPY_BYTES;
		ssize_t got = pread_upto(n->fd, block, want, n->offset_bytes + at);

		if (got < 0)
			return err_errnof(err, (int)got, "cannot read '/%s'", n->path);
		if (got == 0)
			return err_setf(err, -EIO, "'/%s' is shorter than its archive says",
					n->path);
		if (archive_write_data(a, block, (size_t)got) != got)
			return err_archive(err, a, "cannot write the root's archive");
		at += (uint64_t)got;
	}
	return 0;
}

/* All that a tar's header says of @n; @to: the name it has already, or NULL. */
static void describe(struct archive_entry *e, const struct rootfs_node *n,
		     const struct rootfs_node *to, int64_t max_mtime_s)
{
	char name[ROOTFS_PATH_MAX + 4];

	(void)archive_entry_clear(e);
	(void)snprintf(name, sizeof(name), "./%s%s", n->path,
		       S_ISDIR(n->mode) && n->path[0] ? "/" : "");
	archive_entry_set_pathname(e, name);
	archive_entry_set_mode(e, n->mode);
	archive_entry_set_uid(e, n->uid);
	archive_entry_set_gid(e, n->gid);
	archive_entry_set_mtime(e, n->mtime_s < max_mtime_s ? n->mtime_s : max_mtime_s, 0);
	for (size_t i = 0; i < n->xattrs_len; i++)
		archive_entry_xattr_add_entry(e, n->xattrs[i].name, n->xattrs[i].value,
					      n->xattrs[i].len);
	if (S_ISLNK(n->mode))
		archive_entry_set_symlink(e, n->link);
	if (S_ISCHR(n->mode) || S_ISBLK(n->mode)) {
		archive_entry_set_rdevmajor(e, n->dev_major);
		archive_entry_set_rdevminor(e, n->dev_minor);
	}
	if (to) {
		(void)snprintf(name, sizeof(name), "./%s", to->path);
		archive_entry_set_hardlink(e, name);
	}
	archive_entry_set_size(e, S_ISREG(n->mode) && !to ? (int64_t)n->size_bytes : 0);
}

static int put_entry(struct archive *a, struct archive_entry *e, const struct rootfs_node *n,
		     const struct rootfs_node **first, int64_t max_mtime_s, char *block,
		     struct err *err)
{
	const struct rootfs_node *to = n->hard ? first[n->hard] : NULL;

	describe(e, n, to, max_mtime_s);
	if (n->hard && !to)
		first[n->hard] = n;
	if (archive_write_header(a, e) != ARCHIVE_OK)
		return err_archive(err, a, "cannot write '/%s'", n->path);
	return S_ISREG(n->mode) && !to ? copy_out(a, n, block, err) : 0;
}

int rootfs_write_tar(const struct rootfs *t, int fd, int64_t max_mtime_s, struct err *err)
{
	cleanup_archive_write struct archive *a = archive_write_new();
	cleanup_archive_entry struct archive_entry *e = archive_entry_new();
	cleanup_free const struct rootfs_node **first = NULL;
	cleanup_free struct rootfs_node **nodes = NULL;
	cleanup_free char *block = malloc(COPY_BYTES);
	size_t len = 0;
	int r;

	first = calloc(t->hard_last + 1, sizeof(*first));
	if (!a || !e || !block || !first || rootfs_sorted(t, &nodes, &len) < 0)
		return err_nomem(err);
	(void)archive_write_set_format_pax_restricted(a);
	(void)archive_write_set_option(a, NULL, "xattrheader", "SCHILY");
	(void)archive_write_set_bytes_per_block(a, COPY_BYTES);
	if (archive_write_open_fd(a, fd) != ARCHIVE_OK)
		return err_archive(err, a, "cannot write the root's archive");
	for (size_t i = 0; i < len; i++) {
		r = put_entry(a, e, nodes[i], first, max_mtime_s, block, err);
		if (r < 0)
			return r;
	}
	if (archive_write_close(a) != ARCHIVE_OK)
		return err_archive(err, a, "cannot write the root's archive");
	return 0;
}
