#include "cache.h"
#include "copy.h"
#include "digest.h"
#include "file.h"
#include "tempfile.h"
#include "tree.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

static char *cache_root(void)
{
	const char *own = getenv("KILN_CACHE"), *xdg = getenv("XDG_CACHE_HOME"),
		   *home = getenv("HOME");
	char *path = NULL;
	int n;

	if (own && *own)
		return strdup(own);
	n = xdg && *xdg == '/' ? asprintf(&path, "%s/kiln", xdg)
			       : asprintf(&path, "%s/.cache/kiln", home && *home ? home : "/root");
	return n < 0 ? NULL : path;
}

/* Makes nothing: looking is not a reason to. */
static char *cache_name(const char *rel)
{
	cleanup_free char *root = cache_root();
	char *path = NULL;

	return root && asprintf(&path, "%s/%s", root, rel) >= 0 ? path : NULL;
}

int cache_path(const char *rel, char **ret, struct err *err)
{
	cleanup_free char *path = cache_name(rel), *dir = NULL;
	int r;

	if (!path)
		return err_nomem(err);
	dir = strndup(path, (size_t)(strrchr(path, '/') - path));
	if (!dir)
		return err_nomem(err);
	r = tree_mkdirs_at(AT_FDCWD, dir, 0755, err);
	if (r < 0)
		return err_wrapf(err, r, "cache (set KILN_CACHE to move it)");
	*ret = TAKE_PTR(path);
	return 0;
}

int cache_find(const char *sha256, char **ret, struct err *err)
{
	cleanup_free char *path = NULL;
	char rel[80];
	bool there = false;
	int r;

	(void)snprintf(rel, sizeof(rel), "sha256/%.64s", sha256);
	path = cache_name(rel);
	if (!path)
		return err_nomem(err);
	r = file_exists_at(AT_FDCWD, path, &there, err);
	if (r < 0)
		return r;
	if (there && ret)
		*ret = TAKE_PTR(path);
	return there;
}

static int verify(const char *path, const char *want, char hex[65], struct err *err)
{
	int r = sha256_file_at(AT_FDCWD, path, hex, err);

	if (r < 0)
		return r;
	if (want && strcmp(want, hex) != 0)
		return err_setf(err, -EBADMSG, "'%s' has the SHA-256 %s, not %s", path, hex, want);
	return 0;
}

int cache_add(const char *path, const char *sha256, char ret_hex[65], char **ret, struct err *err)
{
	cleanup_tempfile struct tempfile *tmp = NULL;
	cleanup_free char *dst = NULL;
	cleanup_close int fd = -EBADF;
	char rel[80], hex[65];
	struct stat st;
	int r;

	r = verify(path, sha256, hex, err);
	if (r < 0)
		return r;
	(void)snprintf(rel, sizeof(rel), "sha256/%s", hex);
	r = cache_path(rel, &dst, err);
	if (r < 0)
		return r;
	if (stat(dst, &st) < 0) {
		fd = neg_errno(open(path, O_RDONLY | O_CLOEXEC));
		if (fd < 0)
			return err_errnof(err, fd, "cannot open '%s'", path);
		r = tempfile_new(dst, &tmp, err);
		if (r >= 0)
			r = copy_sparse(fd, tmp->fd, NULL, err);
		if (r >= 0)
			r = tempfile_commit(tmp, dst, 0644, err);
		if (r < 0)
			return err_wrapf(err, r, "cache");
	}
	if (ret_hex)
		memcpy(ret_hex, hex, sizeof(hex));
	if (ret)
		*ret = TAKE_PTR(dst);
	return 0;
}

int cache_put(const void *data, size_t len, const char *sha256, struct err *err)
{
	cleanup_free char *path = NULL;
	char rel[80];
	int r;

	(void)snprintf(rel, sizeof(rel), "sha256/%.64s", sha256);
	r = cache_path(rel, &path, err);
	return r < 0 ? r : file_replace_at(AT_FDCWD, path, data, len, 0644, err);
}
