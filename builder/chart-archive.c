#include "chart-archive.h"

#include "archive-util.h"
#include "file.h"
#include "kval.h"
#include "path.h"
#include "tree.h"
#include "yaml-json.h"

#include <fcntl.h>
#include <string.h>

#define FILE_MAX ((size_t)16 << 20)
#define FILES_MAX 100000
#define BLOCK_BYTES (64U << 10)

/* What lies below @folder in a member's path, with or without one folder around; NULL: elsewhere.
 */
static const char *below(const char *path, const char *folder)
{
	size_t len = strlen(folder);
	const char *slash;

	if (strncmp(path, "./", 2) == 0)
		path += 2;
	if (strncmp(path, folder, len) == 0 && path[len] == '/')
		return path + len + 1;
	slash = strchr(path, '/');
	if (!slash || strncmp(slash + 1, folder, len) != 0 || slash[1 + len] != '/')
		return NULL;
	return slash + 1 + len + 1;
}

static int write_file(struct archive *a, int root_fd, const char *name, size_t size,
		      struct err *err)
{
	cleanup_free char *text = malloc(size + 1);
	cleanup_close int dir_fd = -EBADF;
	const char *last;

	if (!text)
		return err_nomem(err);
	if (archive_read_data(a, text, size) != (la_ssize_t)size)
		return err_archive(err, a, "cannot read '%s'", name);
	dir_fd = path_open_parent(root_fd, name, 0755, &last, err);
	if (dir_fd < 0)
		return dir_fd;
	return file_create_at(dir_fd, last, text, size, 0644, err);
}

static int take(struct archive *a, struct archive_entry *e, const char *folder, int root_fd,
		struct err *err)
{
	const char *path = archive_entry_pathname(e), *name = path ? below(path, folder) : NULL;
	cleanup_free char *inside = NULL;

	if (!name || !*name || archive_entry_filetype(e) != AE_IFREG)
		return 0;
	if ((uint64_t)archive_entry_size(e) > FILE_MAX)
		return err_setf(err, -EFBIG, "'%s' is larger than %zu MiB", path, FILE_MAX >> 20);
	if (asprintf(&inside, "/%s", name) < 0)
		return err_nomem(err);
	if (!path_is_clean(inside))
		return err_setf(err, -EBADMSG, "'%s' leads out of its folder", path);
	return write_file(a, root_fd, inside, (size_t)archive_entry_size(e), err);
}

static int unpack(struct archive *a, const char *folder, int root_fd, struct err *err)
{
	struct archive_entry *e;
	size_t n = 0;
	int r = 0, status;

	while (r >= 0 && (status = archive_read_next_header(a, &e)) != ARCHIVE_EOF) {
		if (status < ARCHIVE_WARN)
			return err_archive(err, a, "cannot read it");
		if (++n > FILES_MAX)
			return err_setf(err, -EFBIG, "too many files");
		r = take(a, e, folder, root_fd, err);
	}
	return r;
}

static int check_version(int root_fd, const char *folder, const char *version, struct err *err)
{
	cleanup_kval_pool struct kval_pool pool = { 0 };
	cleanup_yaml_docs struct yaml_docs docs = { 0 };
	cleanup_free char *text = NULL;
	const char *got = NULL;
	size_t len;
	int r = file_read_at(root_fd, "Chart.yaml", FILE_MAX, &text, &len, err);

	if (r == -ENOENT)
		return err_setf(err, r, "there is no chart in its folder '%s'", folder);
	if (r >= 0)
		r = yaml_docs_read(&pool, "Chart.yaml", text, len, &docs, err);
	if (r < 0)
		return r;
	got = docs.len == 1 ? kval_path_str(docs.items[0].root, "version") : NULL;
	if (!got || strcmp(got + (*got == 'v'), version + (*version == 'v')) != 0)
		return err_setf(err, -EBADMSG, "its chart has version %s, not %s", got ?: "(none)",
				version);
	return 0;
}

int chart_archive_unpack(const char *archive, const char *folder, const char *dir,
			 const char *version, struct err *err)
{
	cleanup_archive_read struct archive *a = archive_read_new();
	cleanup_close int root_fd = -EBADF;
	int r = a ? tree_mkdirs_at(AT_FDCWD, dir, 0755, err) : err_nomem(err);

	if (r < 0)
		return r;
	root_fd = neg_errno(open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
	if (root_fd < 0)
		return err_errnof(err, root_fd, "cannot open '%s'", dir);
	if (archive_read_support_filter_all(a) < ARCHIVE_WARN ||
	    archive_read_support_format_tar(a) != ARCHIVE_OK ||
	    archive_read_open_filename(a, archive, BLOCK_BYTES) != ARCHIVE_OK)
		r = err_archive(err, a, "cannot read it");
	if (r >= 0)
		r = unpack(a, folder, root_fd, err);
	if (r >= 0)
		r = check_version(root_fd, folder, version, err);
	return r < 0 ? err_wrapf(err, r, "archive '%s'", archive) : 0;
}
