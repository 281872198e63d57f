#include "path.h"

#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>

bool path_is_clean(const char *path)
{
	const char *p = path;

	if (*p != '/' || !p[1])
		return false;
	while (*p) {
		size_t len = strcspn(++p, "/");

		if (len == 0 || (len == 1 && p[0] == '.') ||
		    (len == 2 && p[0] == '.' && p[1] == '.'))
			return false;
		for (size_t i = 0; i < len; i++)
			if ((unsigned char)p[i] < 0x20 || p[i] == 0x7f)
				return false;
		p += len;
	}
	return true;
}

char *path_join(const char *a, const char *b)
{
	size_t len = strlen(a);
	char *path;

	while (len > 0 && a[len - 1] == '/')
		len--;
	while (*b == '/')
		b++;
	if (asprintf(&path, "%.*s/%s", (int)len, a, b) < 0)
		return NULL;
	return path;
}

static int open_in_root(int root_fd, const char *path, int flags, mode_t mode)
{
	struct open_how how = {
		.flags = (uint64_t)(flags | O_CLOEXEC),
		.mode = flags & O_CREAT ? mode : 0,
		.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS,
	};
	long r;

	/* EAGAIN: something was renamed under the walk; the kernel asks for another try */
	for (int tries = 0; tries < 32; tries++) {
		r = neg_errno(syscall(SYS_openat2, root_fd, *path ? path : ".", &how, sizeof(how)));
		if (r != -EAGAIN && r != -EINTR)
			break;
	}
	return (int)r;
}

static int open_failed(int r, const char *path, struct err *err)
{
	if (r == -ENOSYS)
		return err_setf(err, r,
				"cannot open '%s': this kernel has no openat2 (Linux 5.6 or later "
				"is needed)",
				path);
	return err_errnof(err, r, "cannot open '%s'", path);
}

int path_open(int root_fd, const char *path, int flags, mode_t mode, struct err *err)
{
	int fd = open_in_root(root_fd, path, flags, mode);

	return fd < 0 ? open_failed(fd, path, err) : fd;
}

/* The folder of the first @len bytes of @path, made if missing. */
static int mkdirs(int root_fd, const char *path, size_t len, mode_t mode)
{
	cleanup_close int parent = -EBADF;
	char part[PATH_MAX];
	size_t slash;
	int fd;

	while (len > 0 && path[len - 1] == '/')
		len--;
	if (len >= sizeof(part))
		return -ENAMETOOLONG;
	memcpy(part, path, len);
	part[len] = '\0';
	fd = open_in_root(root_fd, len ? part : "/", O_RDONLY | O_DIRECTORY, 0);
	if (fd != -ENOENT || len == 0)
		return fd;
	for (slash = len; slash > 0 && part[slash - 1] != '/'; slash--)
		;
	parent = mkdirs(root_fd, path, slash, mode); /* as deep as the path has parts */
	if (parent < 0)
		return parent;
	if (mkdirat(parent, part + slash, mode) < 0)
		return errno == EEXIST ? -ENOTDIR : -errno; /* a symlink that leads nowhere */
	fd = open_in_root(root_fd, part, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0);
	if (fd >= 0 && fchmod(fd, mode) < 0) { /* whatever the umask says */
		int r = -errno;

		(void)close(fd);
		return r;
	}
	return fd;
}

int path_mkdirs(int root_fd, const char *path, mode_t mode, struct err *err)
{
	int fd = mkdirs(root_fd, path, strlen(path), mode);

	if (fd < 0)
		return fd == -ENOSYS ? open_failed(fd, path, err)
				     : err_errnof(err, fd, "cannot make folder '%s'", path);
	return fd;
}

int path_open_parent(int root_fd, const char *path, mode_t mode, const char **ret_name,
		     struct err *err)
{
	const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
	int fd;

	if (!*name || strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
		return err_setf(err, -EINVAL, "'%s' names no file", path);
	fd = mkdirs(root_fd, path, (size_t)(name - path), mode);
	if (fd < 0)
		return fd == -ENOSYS ? open_failed(fd, path, err)
				     : err_errnof(err, fd, "cannot make the folder of '%s'", path);
	*ret_name = name;
	return fd;
}
