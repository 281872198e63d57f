/* base-unpack - a base root as a folder; see base.h */
#include "archive-util.h"
#include "base.h"
#include "tree.h"

#include <fcntl.h>
#include <stdbool.h>
#include <string.h>

#define READ_BYTES (1U << 20)

static bool wanted(const char *path, const char *const *only)
{
	if (!only)
		return true;
	path += path[0] == '.' && path[1] == '/' ? 2 : 0;
	for (; *only; only++) {
		size_t len = strlen(*only);

		if (strncmp(path, *only, len) == 0 && (!path[len] || path[len] == '/'))
			return true;
	}
	return false;
}

static int unpack_one(struct archive *in, struct archive *out, struct archive_entry *e,
		      struct err *err)
{
	const void *block;
	la_int64_t offset;
	size_t len;
	int ar;

	if (archive_write_header(out, e) != ARCHIVE_OK)
		return err_archive(err, out, "cannot unpack '%s'", archive_entry_pathname(e));
	while (archive_entry_size(e) > 0 &&
	       (ar = archive_read_data_block(in, &block, &len, &offset)) != ARCHIVE_EOF) {
		if (ar != ARCHIVE_OK)
			return err_archive(err, in, "cannot unpack '%s'",
					   archive_entry_pathname(e));
		if (archive_write_data_block(out, block, len, offset) != ARCHIVE_OK)
			return err_archive(err, out, "cannot unpack '%s'",
					   archive_entry_pathname(e));
	}
	if (archive_write_finish_entry(out) != ARCHIVE_OK)
		return err_archive(err, out, "cannot unpack '%s'", archive_entry_pathname(e));
	return 0;
}

/* libarchive writes names relative to the working folder: put ours in front. */
static int below(struct archive_entry *e, const char *dir, struct err *err)
{
	const char *name = archive_entry_pathname(e), *link = archive_entry_hardlink(e);
	cleanup_free char *path = NULL, *to = NULL;

	if (asprintf(&path, "%s/%s", dir, name + (name[0] == '.' && name[1] == '/' ? 2 : 0)) < 0)
		return err_nomem(err);
	if (link &&
	    asprintf(&to, "%s/%s", dir, link + (link[0] == '.' && link[1] == '/' ? 2 : 0)) < 0)
		return err_nomem(err);
	archive_entry_set_pathname(e, path);
	if (to)
		archive_entry_set_hardlink(e, to);
	return 0;
}

int base_root_unpack(const struct base_root *r, const char *dir, const char *const *only,
		     unsigned int flags, struct err *err)
{
	cleanup_archive_read struct archive *in = archive_read_new();
	cleanup_archive_write struct archive *out = archive_write_disk_new();
	int how = ARCHIVE_EXTRACT_PERM | ARCHIVE_EXTRACT_TIME | ARCHIVE_EXTRACT_XATTR |
		  ARCHIVE_EXTRACT_SECURE_NODOTDOT;
	struct archive_entry *e;
	int ar, n;

	if (!in || !out)
		return err_nomem(err);
	n = tree_mkdirs_at(AT_FDCWD, dir, 0755, err);
	if (n < 0)
		return n;
	if (!(flags & BASE_UNPACK_NO_OWNER))
		how |= ARCHIVE_EXTRACT_OWNER;
	else
		how &= ~ARCHIVE_EXTRACT_XATTR;
	(void)archive_write_disk_set_options(out, how);
	(void)archive_read_support_format_tar(in);
	if (archive_read_open_filename(in, r->tar, READ_BYTES) != ARCHIVE_OK)
		return err_archive(err, in, "cannot open '%s'", r->tar);
	while ((ar = archive_read_next_header(in, &e)) == ARCHIVE_OK) {
		if (!wanted(archive_entry_pathname(e), only))
			continue;
		n = below(e, dir, err);
		if (n >= 0)
			n = unpack_one(in, out, e, err);
		if (n < 0)
			return n;
	}
	if (ar != ARCHIVE_EOF)
		return err_archive(err, in, "cannot read '%s'", r->tar);
	return archive_write_close(out) == ARCHIVE_OK
		       ? 0
		       : err_archive(err, out, "cannot finish '%s'", dir);
}
