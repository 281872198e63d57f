#include "seed-read.h"

#include "archive-util.h"
#include "fat.h"
#include "file.h"
#include "gpt.h"
#include "seed.h"

#include <fcntl.h>
#include <string.h>

#define TAR_BLOCK 512
#define TAR_SIZE_AT 124 /* eleven octal digits */
#define TAR_SIZE_END 135
#define ROOT "root/"

int seed_read_json(const char *tar, size_t len, struct seed_json *ret, struct err *err)
{
	size_t size = 0;

	if (len < TAR_BLOCK || strcmp(tar, "seed.json") != 0)
		return err_setf(err, -EBADMSG, "the seed does not begin with seed.json");
	for (size_t i = TAR_SIZE_AT; i < TAR_SIZE_END && tar[i] >= '0' && tar[i] <= '7'; i++)
		size = size * 8 + (size_t)(tar[i] - '0');
	if (size > len - TAR_BLOCK)
		return err_setf(err, -EBADMSG, "the seed ends inside of seed.json");
	return seed_json_parse(tar + TAR_BLOCK, size, ret, err);
}

static int read_data(struct archive *a, struct archive_entry *e, struct fileset_entry *f,
		     struct err *err)
{
	la_int64_t size = archive_entry_size(e);

	if (size < 0 || (uint64_t)size > SEED_BYTES_MAX)
		return err_setf(err, -EBADMSG, "'%s' has an impossible size", f->path);
	f->data = malloc((size_t)size + 1);
	if (!f->data)
		return err_nomem(err);
	if (archive_read_data(a, f->data, (size_t)size) != (la_ssize_t)size)
		return err_archive(err, a, "'%s' is cut short", f->path);
	f->data[size] = '\0';
	f->len = (size_t)size;
	return 0;
}

static int read_member(struct archive *a, struct archive_entry *e, const char *path,
		       struct fileset *fs, struct err *err)
{
	struct fileset_entry f = {
		.path = (char *)path,
		.mode = archive_entry_perm(e),
		.uid = (uid_t)archive_entry_uid(e),
		.gid = (gid_t)archive_entry_gid(e),
	};
	mode_t type = archive_entry_filetype(e);
	const char *target = archive_entry_symlink(e);
	int r = 0;

	if (type == AE_IFREG) {
		f.flags = f.mode & 044 ? 0 : FILESET_SECRET;
		r = read_data(a, e, &f, err);
	} else if (type == AE_IFDIR) {
		f.type = FILESET_DIR;
	} else if (type == AE_IFLNK && target) {
		f.type = FILESET_SYMLINK;
		f.len = strlen(target);
		f.data = strdup(target);
		r = f.data ? 0 : err_nomem(err);
	} else {
		return err_setf(err, -EBADMSG, "'%s' is no file, folder or link", path);
	}
	if (r >= 0)
		r = fileset_add(fs, &f, err);
	if (f.data)
		explicit_bzero(f.data, f.len);
	free(f.data);
	return r;
}

int seed_read_files(const char *tar, size_t len, struct fileset *ret, struct err *err)
{
	cleanup_archive_read struct archive *a = archive_read_new();
	cleanup_fileset struct fileset fs = { 0 };
	struct archive_entry *e;
	int ar, r;

	if (!a)
		return err_nomem(err);
	if (archive_read_support_format_tar(a) != ARCHIVE_OK ||
	    archive_read_open_memory(a, tar, len) != ARCHIVE_OK)
		return err_archive(err, a, "cannot read the seed");
	while ((ar = archive_read_next_header(a, &e)) == ARCHIVE_OK) {
		const char *name = archive_entry_pathname(e);
		cleanup_free char *path = NULL;
		size_t n = name ? strlen(name) : 0;

		if (n <= strlen(ROOT) || strncmp(name, ROOT, strlen(ROOT)) != 0)
			continue;
		path = strndup(name + strlen(ROOT) - 1, n - strlen(ROOT) + 1);
		if (!path)
			return err_nomem(err);
		n = strlen(path);
		if (n > 1 && path[n - 1] == '/') /* a folder */
			path[n - 1] = '\0';
		r = read_member(a, e, path, &fs, err);
		if (r < 0)
			return r;
	}
	if (ar != ARCHIVE_EOF)
		return err_archive(err, a, "cannot read the seed");
	*ret = fs;
	fs = (struct fileset){ 0 };
	return 0;
}

static int from_image(int fd, const char *path, char **ret, size_t *ret_len, struct err *err)
{
	cleanup_fat struct fat f = { 0 };
	struct gpt_table gpt;
	int r = gpt_read(fd, path, &gpt, err);

	if (r >= 0 && gpt.len == 0)
		r = err_setf(err, -EBADMSG, "'%s' has no partitions", path);
	if (r >= 0)
		r = fat_open(fd, gpt.parts[0].start_bytes, &f, err);
	if (r < 0)
		return r;
	for (size_t i = 0; i < f.len; i++)
		if (strncmp(f.entries[i].path, "kiln/seed-", 10) == 0)
			return fat_read(&f, f.entries[i].path, SEED_BYTES_MAX, ret, ret_len, err);
	return err_setf(err, -ENOENT,
			"'%s' holds no seed: it was never given one, or a node has taken it "
			"already",
			path);
}

int seed_read_tar(const char *path, char **ret, size_t *ret_len, struct err *err)
{
	cleanup_close int fd = neg_errno(open(path, O_RDONLY | O_CLOEXEC));
	char start[16] = "";
	ssize_t n;

	if (fd < 0)
		return err_errnof(err, fd, "cannot open '%s'", path);
	n = pread_upto(fd, start, sizeof(start), 0);
	if (n < 0)
		return err_errnof(err, (int)n, "cannot read '%s'", path);
	if (memcmp(start, "seed.json", 10) == 0) /* with its NUL */
		return file_read_fd(fd, path, SEED_BYTES_MAX, ret, ret_len, err);
	return from_image(fd, path, ret, ret_len, err);
}
