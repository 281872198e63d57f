#include "overlay.h"

#include "datadir.h"

int overlay_add_dir(const char *dir, struct fileset *fs, struct err *err)
{
	cleanup_fileset struct fileset tree = { 0 };
	int r = fileset_add_tree(&tree, dir, err);

	for (size_t i = 0; r >= 0 && i < tree.len; i++) {
		struct fileset_entry *e = &tree.items[i];

		if (e->type == FILESET_DIR)
			continue;
		if (e->type == FILESET_FILE)
			e->mode = e->mode & 0111 ? 0755 : 0644;
		r = fileset_add(fs, e, err);
		if (r < 0)
			return err_wrapf(err, r, "overlay '%s'", dir);
	}
	return r;
}

int overlay_add(const char *name, struct fileset *fs, struct err *err)
{
	cleanup_free char *rel = NULL, *dir = NULL;
	int r;

	if (asprintf(&rel, "overlays/%s", name) < 0)
		return err_nomem(err);
	r = datadir_path(rel, &dir, err);
	return r < 0 ? r : overlay_add_dir(dir, fs, err);
}
