#include "nodatacow.h"

#include "path.h"
#include "seed-files.h"
#include "tree.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <string.h>
#include <sys/ioctl.h>

#define LIST_MAX (64U << 10)

static int set_one(int root_fd, const char *path, struct err *err)
{
	cleanup_name_list struct name_list names = { 0 };
	cleanup_close int parent_fd = -EBADF;
	cleanup_close int fd = -EBADF;
	const char *name;
	int flags, r;

	if (!path_is_clean(path))
		return err_setf(err, -EINVAL, NODATACOW_FILE ": '%s' is no clean path", path);
	parent_fd = path_open_parent(root_fd, path, 0755, &name, err);
	if (parent_fd < 0)
		return parent_fd;
	fd = path_mkdirs(root_fd, path, 0700, err);
	if (fd < 0)
		return fd;
	if (ioctl(fd, FS_IOC_GETFLAGS, &flags) < 0)
		return err_errnof(err, -errno, "cannot read the flags of '%s'", path);
	if (flags & FS_NOCOW_FL)
		return 0;
	r = tree_list_at(fd, ".", &names, err);
	if (r < 0 || names.len > 0)
		return r;
	flags |= FS_NOCOW_FL;
	if (ioctl(fd, FS_IOC_SETFLAGS, &flags) < 0)
		return err_errnof(err, -errno, "cannot set nodatacow on '%s'", path);
	return 0;
}

int nodatacow_set(int root_fd, struct err *err)
{
	cleanup_free char *text = NULL;
	char *save = NULL;
	size_t len;
	int first = 0, r;

	r = seed_state_read(root_fd, NODATACOW_FILE, LIST_MAX, &text, &len, err);
	if (r <= 0)
		return r;
	for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		struct err own = { 0 };

		if (*line == '#')
			continue;
		r = set_one(root_fd, line, &own);
		if (r < 0 && first == 0) {
			first = r;
			*err = own;
		}
	}
	return first;
}
