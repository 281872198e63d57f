/* Make a base image: root tree, initrd and boot files, file systems, assembly. */
#include "image-make.h"
#include "btrfs.h"
#include "datadir.h"
#include "file.h"
#include "image-assemble.h"
#include "image-map.h"
#include "image-tree.h"
#include "lint-boot.h"
#include "log.h"
#include "tempfile.h"
#include "userns.h"

#include <fcntl.h>
#include <limits.h>
#include <string.h>

static int tree_make(void *arg, struct err *err)
{
	return image_tree_make(arg, err);
}
static int tree_boot(void *arg, struct err *err)
{
	return image_tree_boot(arg, err);
}

struct root_job {
	struct btrfs_make make;
	const struct board *board;
	const char *tree;
	struct layout *layout;
	int result_fd; /* a pipe for the layout: the job runs in a child */
};

static int root_make(void *arg, struct err *err)
{
	struct root_job *job = arg;
	uint64_t bytes = 0;
	int r;

	r = btrfs_estimate(job->tree, &bytes, err);
	if (r == 0)
		r = layout_plan(job->board, bytes, job->layout, err);
	if (r < 0)
		return r;
	job->make.size_bytes = job->layout->parts[LAYOUT_ROOT].size_bytes;
	r = btrfs_make(&job->make, err);
	if (r == 0 && write_all(job->result_fd, job->layout, sizeof(*job->layout)) < 0)
		return err_setf(err, -EIO, "cannot hand the layout over");
	return r;
}

static int make_root_fs(const struct image_make *m, const struct base_json *base, const char *dir,
			const char *image, struct layout *l, struct err *err)
{
	const char *subvolumes[IMAGE_SUBVOLUMES + 1] = { 0 };
	char tree[PATH_MAX], device_uuid[GUID_TEXT_MAX];
	cleanup_close int in = -EBADF;
	cleanup_close int out = -EBADF;
	struct root_job job = { .board = m->board, .tree = tree, .layout = l };
	cleanup_free char *repro = NULL;
	struct err none = { 0 };
	struct guid g;
	int p[2], r;

	for (size_t i = 0; i < IMAGE_SUBVOLUMES; i++)
		subvolumes[i] = image_subvolumes[i].name;
	(void)snprintf(tree, sizeof(tree), "%s/tree", dir);
	guid_derive(base->cluster_id, strlen(base->cluster_id), base->root_uuid, &g);
	(void)guid_format(&g, device_uuid);
	job.make = (struct btrfs_make){
		.tree = tree,
		.subvolumes = subvolumes,
		.image = image,
		.uuid = base->root_uuid,
		.device_uuid = device_uuid,
		.label = "kiln",
		.compress = m->cluster->storage.compress,
	};
	if (datadir_path("mkfs-repro.so", &repro, &none) < 0)
		log_debugf("the root file system gets random ids: %s", none.msg);
	job.make.repro = repro;
	job.make.mtime_s = base->created_at;
	if (pipe2(p, O_CLOEXEC) < 0)
		return err_errnof(err, -errno, "cannot make a pipe");
	in = p[0];
	out = p[1];
	job.result_fd = out;
	r = userns_run(root_make, &job, err);
	if (r < 0)
		return r;
	if (read_upto(in, l, sizeof(*l)) != (ssize_t)sizeof(*l))
		return err_setf(err, -EIO, "the layout did not come back");
	return 0;
}

static int write_json(const struct image_json *j, const char *path, struct err *err)
{
	cleanup_free char *text = NULL;
	size_t len = 0;
	int r;

	r = image_json_format(j, &text, &len, err);
	if (r == 0)
		r = file_replace_at(AT_FDCWD, path, text, len, 0644, err);
	return r;
}

static int assemble(const struct image_make *m, const char *boot_dir, struct tempfile **file,
		    struct image_base *ret, struct err *err)
{
	struct image_assembly a = {
		.layout = &ret->layout,
		.boot_dir = boot_dir,
		.root_uuid = ret->base.root_uuid,
		.mtime_s = (int64_t)ret->base.created_at,
		.target = ret->path,
	};
	int r;

	r = boot_uuid_parse(ret->base.boot_uuid, &a.boot_id);
	if (r < 0)
		return err_setf(err, r, "'%s' is no volume id", ret->base.boot_uuid);
	r = layout_name(&ret->layout, ret->base.cluster_id, m->board->name, err);
	if (r == 0)
		r = image_assemble(&a, file, &ret->json, err);
	if (r == 0)
		r = lint_require((*file)->fd, (*file)->path, m->board->boot, err);
	if (r == 0)
		r = image_map_partitions(&ret->layout, ret->base.boot_uuid, ret->base.root_uuid,
					 &ret->json, err);
	/* the description first: an image without one is never taken from the cache */
	if (r == 0)
		r = write_json(&ret->json, m->json_path, err);
	if (r == 0)
		r = tempfile_commit(*file, ret->path, 0644, err);
	return r;
}

static int make_in(const struct image_make *m, const char *dir, struct phases *ph,
		   struct image_base *ret, struct err *err)
{
	struct image_tree_spec spec = {
		.cluster = m->cluster,
		.board = m->board,
		.root = m->root,
		.k3s = m->k3s,
		.base = &ret->base,
		.init_path = m->init_path,
		.overlay_dir = m->overlay_dir,
		.dir = dir,
	};
	cleanup_tempfile struct tempfile *file = NULL;
	char boot_dir[PATH_MAX], tree[PATH_MAX];
	int r;

	(void)snprintf(boot_dir, sizeof(boot_dir), "%s/boot", dir);
	phase_begin(ph, "%s: root tree", m->board->name);
	r = userns_run(tree_make, &spec, err);
	if (r < 0)
		return r;
	phase_begin(ph, "%s: initrd and boot files", m->board->name);
	r = userns_run(tree_boot, &spec, err);
	if (r == 0)
		r = tempfile_new(ret->path, &file, err);
	if (r < 0)
		return r;
	phase_begin(ph, "%s: root file system", m->board->name);
	r = make_root_fs(m, &ret->base, dir, file->path, &ret->layout, err);
	if (r < 0)
		return r;
	/* before anything is synced: what of the tree is not on the disk yet never gets there */
	phase_begin(ph, "%s: remove the tree", m->board->name);
	(void)snprintf(tree, sizeof(tree), "%s/tree", dir);
	r = userns_remove_tree(tree, err);
	if (r < 0)
		return r;
	phase_begin(ph, "%s: assemble, sync, verify", m->board->name);
	return assemble(m, boot_dir, &file, ret, err);
}

int image_make(const struct image_make *m, struct phases *ph, struct image_base *ret,
	       struct err *err)
{
	cleanup_tempfile struct tempfile *dir = NULL;
	struct err left = { 0 };
	int r;

	r = tempfile_new_dir(m->work_dir, "bake.", &dir, err);
	if (r < 0)
		return r;
	r = make_in(m, dir->path, ph, ret, err);
	if (r == 0)
		phase_end(ph, NULL);
	/* what a user namespace made, only one can remove */
	if (userns_remove_tree(dir->path, &left) < 0)
		log_debugf("folder '%s' is left behind: %s", dir->path, left.msg);
	return r;
}
