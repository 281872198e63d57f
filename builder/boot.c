#include "boot.h"
#include "file.h"
#include "path.h"
#include "tree.h"

#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>

const struct boot_method *boot_method_get(enum boot_kind kind)
{
	return kind == BOOT_RPI ? &boot_rpi : &boot_uefi;
}

/* Links of the root ("/vmlinuz", "/lib") lead to places in the root, never to the desk's. */
static int open_in_root(const char *root_dir, const char *path, struct err *err)
{
	cleanup_close int root_fd = neg_errno(open(root_dir, O_PATH | O_DIRECTORY | O_CLOEXEC));

	if (root_fd < 0)
		return err_errnof(err, root_fd, "cannot open '%s'", root_dir);
	return path_open(root_fd, path, O_RDONLY, 0, err);
}

int boot_find(const struct boot_spec *spec, const char *const *paths, const char *what,
	      const char **ret, struct err *err)
{
	for (const char *const *p = paths; *p; p++) {
		struct err ignored = { 0 };
		cleanup_close int fd = open_in_root(spec->root_dir, *p, &ignored);
		struct stat st;

		if (fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode)) {
			*ret = *p;
			return 0;
		}
	}
	return err_setf(err, -ENOENT, "board '%s': no %s in the root: '/%s' is missing",
			spec->board->name, what, paths[0]);
}

int boot_read(const struct boot_spec *spec, const char *from, size_t max, char **ret,
	      size_t *ret_len, struct err *err)
{
	cleanup_close int fd = open_in_root(spec->root_dir, from, err);

	if (fd < 0)
		return err_wrapf(err, fd, "root of board '%s'", spec->board->name);
	return file_read_fd(fd, from, max, ret, ret_len, err);
}

static int make_parent(const char *dir, const char *to, struct err *err)
{
	char path[PATH_MAX];
	char *slash;

	if (snprintf(path, sizeof(path), "%s/%s", dir, to) >= (int)sizeof(path))
		return err_setf(err, -ENAMETOOLONG, "path '%s' is too long", to);
	slash = strrchr(path, '/');
	*slash = '\0';
	return tree_mkdirs_at(AT_FDCWD, path, 0755, err);
}

int boot_stage_text(const struct boot_spec *spec, const char *dir, const char *to, const char *data,
		    size_t len, struct err *err)
{
	struct timespec times[2] = { { .tv_sec = spec->mtime_s }, { .tv_sec = spec->mtime_s } };
	cleanup_close int dir_fd = -EBADF;
	cleanup_close int fd = -EBADF;
	int r;

	r = make_parent(dir, to, err);
	if (r < 0)
		return r;
	dir_fd = neg_errno(open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
	if (dir_fd < 0)
		return err_errnof(err, dir_fd, "cannot open '%s'", dir);
	fd = neg_errno(
		openat(dir_fd, to, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644));
	if (fd < 0)
		return err_errnof(err, fd, "cannot create '%s' for the boot partition", to);
	r = write_all(fd, data, len);
	if (r == 0)
		r = neg_errno(futimens(fd, times));
	if (r < 0)
		return err_errnof(err, r, "cannot write '%s' for the boot partition", to);
	return 0;
}

int boot_stage_copy(const struct boot_spec *spec, const char *from, const char *dir, const char *to,
		    struct err *err)
{
	cleanup_free char *data = NULL;
	size_t len = 0;
	int r;

	r = boot_read(spec, from, (size_t)512 << 20, &data, &len, err);
	if (r < 0)
		return r;
	return boot_stage_text(spec, dir, to, data, len, err);
}
