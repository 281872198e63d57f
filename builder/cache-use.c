#include "cache-use.h"
#include "cache.h"
#include "file.h"
#include "log.h"
#include "tree.h"
#include "userns.h"

#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>

#define OLD_S 3600
#define RANDOM_LEN 6 /* of mkstemp() and mkdtemp() */

/* ".NAME.Ab3xYz" of tempfile_new(), "bake.Ab3xYz" of image_make() */
static bool is_half_made(const char *name)
{
	size_t len = strlen(name);

	if (strncmp(name, "bake.", 5) == 0)
		return len == 5 + RANDOM_LEN;
	return *name == '.' && len > RANDOM_LEN + 2 && name[len - RANDOM_LEN - 1] == '.';
}

static void remove_old(const char *dir, const char *name)
{
	cleanup_free char *path = NULL;
	struct err err = { 0 };
	struct stat st;

	if (asprintf(&path, "%s/%s", dir, name) < 0) {
		path = NULL;
		return;
	}
	if (lstat(path, &st) < 0 || st.st_mtime > time(NULL) - OLD_S)
		return;
	/* what a user namespace made, only one can remove */
	if (userns_remove_tree(path, &err) < 0)
		log_debugf("'%s', left by a killed run, stays: %s", path, err.msg);
	else
		log_debugf("removed '%s', left by a killed run", path);
}

static void clean(const char *folder)
{
	cleanup_name_list struct name_list names = { 0 };
	cleanup_free char *dir = NULL;
	struct err ignored = { 0 };

	if (cache_path(folder, &dir, &ignored) < 0 ||
	    tree_list_at(AT_FDCWD, dir, &names, &ignored) < 0)
		return; /* not made yet */
	for (size_t i = 0; i < names.len; i++)
		if (is_half_made(names.items[i]))
			remove_old(dir, names.items[i]);
}

int cache_use(void)
{
	cleanup_free char *path = NULL;
	cleanup_close int fd = -EBADF;
	struct err ignored = { 0 };

	if (cache_path("in-use.lock", &path, &ignored) < 0)
		return -ENOENT;
	fd = neg_errno(open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644));
	if (fd < 0)
		return fd;
	if (flock(fd, LOCK_EX | LOCK_NB) == 0) {
		clean("images");
		clean("base");
	}
	/* nothing of ours is there yet: should another clean between the two, nothing is lost */
	if (flock(fd, LOCK_SH) < 0)
		return -errno;
	return TAKE_FD(fd);
}

int cache_use_alone(int *ret, struct err *err)
{
	cleanup_free char *path = NULL;
	cleanup_close int fd = -EBADF;
	int r = cache_path("in-use.lock", &path, err);

	if (r < 0)
		return r;
	fd = neg_errno(open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644));
	if (fd < 0)
		return err_errnof(err, fd, "cannot open '%s'", path);
	if (flock(fd, LOCK_EX | LOCK_NB) < 0)
		return err_setf(err, -EBUSY, "a bake is at work in the cache; try again after it");
	*ret = TAKE_FD(fd);
	return 0;
}
