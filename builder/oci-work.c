#include "oci-work.h"

#include "cache.h"
#include "tree.h"

#include <fcntl.h>
#include <string.h>
#include <sys/file.h>

int oci_work_dir(char **ret, struct err *err)
{
	cleanup_free char *path = NULL;
	int r = cache_path("oci/x", &path, err);

	if (r < 0)
		return r;
	*strrchr(path, '/') = '\0';
	*ret = TAKE_PTR(path);
	return 0;
}

static int remove_leftovers(const char *dir, struct err *err)
{
	cleanup_name_list struct name_list names = { 0 };
	cleanup_close int dir_fd = neg_errno(open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
	int r = dir_fd < 0 ? err_errnof(err, dir_fd, "cannot open '%s'", dir)
			   : tree_list_at(dir_fd, ".", &names, err);

	for (size_t i = 0; i < names.len && r >= 0; i++)
		if (strncmp(names.items[i], "fetch-", 6) == 0 ||
		    strncmp(names.items[i], ".new.", 5) == 0)
			r = tree_remove_at(dir_fd, names.items[i]);
	return r < 0 ? err_setf(err, r, "cannot remove what was left in '%s'", dir) : 0;
}

int oci_work_lock(struct phases *p, struct err *err)
{
	cleanup_free char *dir = NULL, *path = NULL;
	cleanup_close int fd = -EBADF;
	int r = oci_work_dir(&dir, err);

	if (r < 0)
		return r;
	if (asprintf(&path, "%s/lock", dir) < 0)
		return err_nomem(err);
	fd = neg_errno(open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644));
	if (fd < 0)
		return err_errnof(err, fd, "cannot open '%s'", path);
	r = flock(fd, LOCK_EX | LOCK_NB);
	if (r < 0 && errno == EWOULDBLOCK) {
		phase_begin(p, "waiting for another kiln that fetches images");
		do
			r = flock(fd, LOCK_EX);
		while (r < 0 && errno == EINTR);
		phase_end(p, NULL);
	}
	if (r < 0)
		return err_errnof(err, -errno, "cannot lock '%s'", path);
	r = remove_leftovers(dir, err);
	return r < 0 ? r : TAKE_FD(fd);
}
