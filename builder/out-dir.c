#include "out-dir.h"

#include "file.h"
#include "path.h"
#include "tree.h"

#include <fcntl.h>

int out_dir_ignore(const char *dir, struct err *err)
{
	cleanup_free char *path = path_join(dir, ".gitignore");
	bool there;
	int r;

	if (!path)
		return err_nomem(err);
	r = file_exists_at(AT_FDCWD, path, &there, err);
	if (r >= 0 && !there)
		r = file_create_at(AT_FDCWD, path, "*\n", 2, 0644, err);
	return r == -EEXIST ? 0 : r;
}

int out_dir_make(const struct cluster *c, char **ret, struct err *err)
{
	cleanup_free char *dir = path_join(c->dir, "out");
	int r = dir ? tree_mkdirs_at(AT_FDCWD, dir, 0755, err) : err_nomem(err);

	if (r >= 0)
		r = out_dir_ignore(dir, err);
	if (r >= 0 && ret)
		*ret = TAKE_PTR(dir);
	return r;
}
