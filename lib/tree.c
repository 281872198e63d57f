#include "tree.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <string.h>

#define DEPTH_MAX 128

void name_list_done(struct name_list *l)
{
	for (size_t i = 0; i < l->len; i++)
		free(l->items[i]);
	free(l->items);
	*l = (struct name_list){ 0 };
}

static int by_bytes(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static bool is_dot(const char *name)
{
	return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

static int name_list_add(struct name_list *l, const char *name)
{
	if (l->len == 0 || (l->len & (l->len - 1)) == 0) { /* full at every power of two */
		char **bigger = realloc(l->items, (l->len ? l->len * 2 : 1) * sizeof(*bigger));

		if (!bigger)
			return -ENOMEM;
		l->items = bigger;
	}
	l->items[l->len] = strdup(name);
	if (!l->items[l->len])
		return -ENOMEM;
	l->len++;
	return 0;
}

static void closedirp(DIR **d)
{
	int saved = errno;

	if (*d)
		(void)closedir(*d);
	errno = saved;
}

int tree_list_at(int dir_fd, const char *path, struct name_list *ret, struct err *err)
{
	cleanup_name_list struct name_list list = { 0 };
	CLEANUP(closedirp) DIR *dir = NULL;
	cleanup_close int fd = neg_errno(openat(dir_fd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC));

	if (fd < 0)
		return err_errnof(err, fd, "cannot open folder '%s'", path);
	dir = fdopendir(fd);
	if (!dir)
		return err_errnof(err, -errno, "cannot read folder '%s'", path);
	(void)TAKE_FD(fd); /* dir's now */
	for (;;) {
		const struct dirent *e;

		errno = 0;
		e = readdir(dir);
		if (!e && errno)
			return err_errnof(err, -errno, "cannot read folder '%s'", path);
		if (!e)
			break;
		if (!is_dot(e->d_name) && name_list_add(&list, e->d_name) < 0)
			return err_nomem(err);
	}
	if (list.len)
		qsort(list.items, list.len, sizeof(*list.items), by_bytes);
	*ret = list;
	list = (struct name_list){ 0 };
	return 0;
}

static int walk(int fd, const char *base, unsigned int depth, tree_fn *fn, void *arg,
		struct err *err);

static int walk_one(int fd, const char *base, const char *name, unsigned int depth, tree_fn *fn,
		    void *arg, struct err *err)
{
	cleanup_free char *path = NULL;
	cleanup_close int sub = -EBADF;
	struct stat st;
	int r;

	if (asprintf(&path, "%s%s%s", base, *base ? "/" : "", name) < 0) {
		path = NULL;
		return err_nomem(err);
	}
	if (fstatat(fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return err_errnof(err, -errno, "cannot look at '%s'", path);
	r = fn(arg, &(struct tree_entry){ .dir_fd = fd, .name = name, .path = path, .st = &st },
	       err);
	if (r < 0 || !S_ISDIR(st.st_mode))
		return r < 0 ? r : 0;
	if (depth == 0)
		return err_setf(err, -ELOOP, "'%s' is deeper than %d folders", path, DEPTH_MAX);
	sub = neg_errno(openat(fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
	if (sub < 0)
		return err_errnof(err, sub, "cannot open folder '%s'", path);
	return walk(sub, path, depth - 1, fn, arg, err);
}

static int walk(int fd, const char *base, unsigned int depth, tree_fn *fn, void *arg,
		struct err *err)
{
	cleanup_name_list struct name_list list = { 0 };
	int r = tree_list_at(fd, ".", &list, err);

	if (r < 0)
		return err_wrapf(err, r, "'%s'", base);
	for (size_t i = 0; i < list.len && r >= 0; i++)
		r = walk_one(fd, base, list.items[i], depth, fn, arg, err);
	return r;
}

int tree_walk_at(int dir_fd, const char *path, tree_fn *fn, void *arg, struct err *err)
{
	cleanup_close int fd = neg_errno(openat(dir_fd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC));

	if (fd < 0)
		return err_errnof(err, fd, "cannot open folder '%s'", path);
	return walk(fd, "", DEPTH_MAX, fn, arg, err);
}

int tree_mkdirs_at(int dir_fd, const char *path, mode_t mode, struct err *err)
{
	char part[PATH_MAX];
	size_t len = strlen(path);
	struct stat st;

	if (len >= sizeof(part))
		return err_errnof(err, -ENAMETOOLONG, "cannot make folder '%s'", path);
	for (size_t i = 1; i <= len; i++) {
		if (path[i] != '/' && path[i])
			continue;
		memcpy(part, path, i);
		part[i] = '\0';
		if (mkdirat(dir_fd, part, mode) < 0 && errno != EEXIST)
			return err_errnof(err, -errno, "cannot make folder '%s'", part);
	}
	if (fstatat(dir_fd, path, &st, 0) < 0)
		return err_errnof(err, -errno, "cannot make folder '%s'", path);
	if (!S_ISDIR(st.st_mode))
		return err_errnof(err, -ENOTDIR, "cannot make folder '%s'", path);
	return 0;
}

static int remove_below(int fd, dev_t dev, unsigned int depth);

static int remove_dir(int dir_fd, const char *name, dev_t dev, unsigned int depth)
{
	cleanup_close int fd = -EBADF;
	struct stat st;
	int r;

	if (depth == 0)
		return -ELOOP;
	fd = neg_errno(openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
	if (fd == -EACCES && fchmodat(dir_fd, name, 0700, 0) == 0) /* our own, made read-only */
		fd = neg_errno(
			openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
	if (fd < 0)
		return fd;
	if (fstat(fd, &st) < 0)
		return -errno;
	if (dev && st.st_dev != dev)
		return -EXDEV;
	if (!(st.st_mode & S_IWUSR))
		(void)fchmod(fd, 0700);
	r = remove_below(fd, st.st_dev, depth - 1);
	if (r < 0)
		return r;
	return neg_errno(unlinkat(dir_fd, name, AT_REMOVEDIR));
}

static int remove_one(int dir_fd, const char *name, dev_t dev, unsigned int depth)
{
	int r = neg_errno(unlinkat(dir_fd, name, 0));

	/* Linux says EISDIR for a folder, POSIX EPERM */
	if (r == -EISDIR || r == -EPERM)
		r = remove_dir(dir_fd, name, dev, depth);
	return r == -ENOENT ? 0 : r;
}

/* getdents64 instead of readdir: no heap, so a signal handler may call it. */
static int remove_below(int fd, dev_t dev, unsigned int depth)
{
	_Alignas(struct dirent64) char entries[2048];
	int first = 0;

	for (;;) {
		ssize_t n = getdents64(fd, entries, sizeof(entries));

		if (n < 0)
			return -errno;
		if (n == 0)
			return first;
		for (ssize_t at = 0; at < n;) {
			const struct dirent64 *e =
				(const struct dirent64 *)(const void *)(entries + at);
			int r = is_dot(e->d_name) ? 0 : remove_one(fd, e->d_name, dev, depth);

			if (r < 0 && first == 0)
				first = r; /* remove what can be removed all the same */
			at += e->d_reclen;
		}
	}
}

int tree_remove_at(int dir_fd, const char *path)
{
	return remove_one(dir_fd, path, 0, DEPTH_MAX);
}
