#include "tempfile.h"

#include "file.h"
#include "owned.h"

#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>

/* The name must stay right when the working directory changes before the end. */
static int absolute(const char *path, char **ret)
{
	char cwd[PATH_MAX];

	if (*path == '/') {
		*ret = strdup(path);
		return *ret ? 0 : -ENOMEM;
	}
	if (!getcwd(cwd, sizeof(cwd)))
		return -errno;
	if (asprintf(ret, "%s/%s", cwd, path) < 0) {
		*ret = NULL;
		return -ENOMEM;
	}
	return 0;
}

static int temp_new(const char *template, bool is_dir, struct tempfile **ret)
{
	cleanup_tempfile struct tempfile *t = calloc(1, sizeof(*t));
	int r;

	if (!t)
		return -ENOMEM;
	t->fd = -EBADF;
	r = absolute(template, &t->path);
	if (r < 0)
		return r;
	if (is_dir)
		r = mkdtemp(t->path) ? 0 : -errno;
	else
		r = t->fd = neg_errno(mkostemp(t->path, O_CLOEXEC));
	if (r < 0)
		return r;
	r = owned_add_path(t->path, &t->owned);
	if (r < 0) { /* nobody would remove it: do so here */
		(void)(is_dir ? rmdir(t->path) : unlink(t->path));
		return r;
	}
	*ret = TAKE_PTR(t);
	return 0;
}

int tempfile_new(const char *target, struct tempfile **ret, struct err *err)
{
	const char *slash = strrchr(target, '/');
	int dir_len = slash ? (int)(slash - target) + 1 : 0;
	cleanup_free char *template = NULL;
	int r;

	if (asprintf(&template, "%.*s.%s.XXXXXX", dir_len, target, target + dir_len) < 0) {
		template = NULL;
		return err_nomem(err);
	}
	r = temp_new(template, false, ret);
	if (r < 0)
		return err_errnof(err, r, "cannot create a temporary file for '%s'", target);
	return 0;
}

int tempfile_new_dir(const char *parent, const char *prefix, struct tempfile **ret, struct err *err)
{
	cleanup_free char *template = NULL;
	const char *tmp = getenv("TMPDIR");
	int r;

	if (!parent)
		parent = tmp && *tmp ? tmp : "/tmp";
	if (asprintf(&template, "%s/%sXXXXXX", parent, prefix) < 0) {
		template = NULL;
		return err_nomem(err);
	}
	r = temp_new(template, true, ret);
	if (r < 0)
		return err_errnof(err, r, "cannot create a temporary folder in '%s'", parent);
	return 0;
}

int tempfile_commit(struct tempfile *t, const char *target, mode_t mode, struct err *err)
{
	int r = neg_errno(fchmod(t->fd, mode));

	if (r >= 0)
		r = neg_errno(fsync(t->fd));
	if (r >= 0)
		r = neg_errno(rename(t->path, target));
	if (r < 0)
		return err_errnof(err, r, "cannot put '%s' in place", target);
	(void)owned_drop(TAKE_PTR(t->owned));
	return file_sync_dir_at(AT_FDCWD, target, err);
}

void tempfile_free(struct tempfile *t)
{
	if (!t)
		return;
	owned_finish(t->owned);
	close_fdp(&t->fd);
	free(t->path);
	free(t);
}
