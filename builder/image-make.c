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
#include "scratch.h"
#include "tempfile.h"
#include "tree.h"
#include "userns.h"

#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>

#define TREE_ROOM_BYTES (UINT64_C(256) << 20) /* overlays, folders, blocks that are not full */

/* All that is done as uid 0, in a process of its own that tells how far it is. */
struct build {
	const struct image_make *make;
	struct image_tree_spec *spec;
	struct btrfs_make root;
	struct image_assembly *boot; /* layout, boot_dir, boot_image */
	const char *tree;
	int notes_fd;
};
struct note {
	bool planned; /* false: the tree is there */
	struct layout layout;
};

static int tell(const struct build *b, const struct note *n, struct err *err)
{
	return write_all(b->notes_fd, n, sizeof(*n)) < 0
		       ? err_setf(err, -EIO, "cannot tell how far the root is")
		       : 0;
}

static int boot_fn(void *arg, struct err *err)
{
	struct build *b = arg;
	struct layout l;
	int r;

	r = image_tree_boot(b->spec, err);
	/* the size of root makes no difference to the boot partition */
	if (r == 0)
		r = layout_plan(b->make->board, 1, &l, err);
	if (r < 0)
		return r;
	b->boot->layout = &l;
	return image_boot_make(b->boot, err);
}

static int make_root(struct build *b, struct err *err)
{
	struct note planned = { .planned = true };
	uint64_t bytes = 0;
	int r;

	r = btrfs_estimate(b->tree, &bytes, err);
	if (r == 0)
		r = layout_plan(b->make->board, bytes, &planned.layout, err);
	if (r < 0)
		return r;
	b->root.size_bytes = planned.layout.parts[LAYOUT_ROOT].size_bytes;
	r = btrfs_make(&b->root, err);
	return r == 0 ? tell(b, &planned, err) : r;
}

/* What the tree may take in memory. */
static uint64_t tree_bytes(const struct image_make *m)
{
	uint64_t bytes = m->root->tar_bytes + m->root->tar_bytes / 4 + TREE_ROOM_BYTES;
	struct stat st;

	for (size_t i = 0; i < m->k3s->len; i++)
		if (stat(m->k3s->items[i].path, &st) == 0)
			bytes += (uint64_t)st.st_size;
	return bytes;
}

/* The initrd and the boot files come from the tree while mkfs.btrfs reads it. */
static int build_fn(void *arg, struct err *err)
{
	cleanup_userns_job struct userns_job boot = { 0 };
	struct build *b = arg;
	struct note there = { 0 };
	int r;

	r = tree_mkdirs_at(AT_FDCWD, b->tree, 0755, err);
	if (r < 0)
		return r;
	(void)scratch_mount(b->tree, tree_bytes(b->make));
	r = image_tree_make(b->spec, err);
	if (r == 0)
		r = tell(b, &there, err);
	if (r == 0)
		r = userns_start(boot_fn, b, &boot, err);
	if (r == 0)
		r = make_root(b, err);
	return r == 0 ? userns_wait(&boot, err) : r;
}

static int build(const struct build *in, struct phases *ph, struct layout *ret, struct err *err)
{
	const char *board = in->make->board->name;
	cleanup_userns_job struct userns_job job = { 0 };
	cleanup_close int notes = -EBADF;
	struct build b = *in;
	struct note n = { 0 };
	bool planned = false;
	int p[2], r;

	if (pipe2(p, O_CLOEXEC) < 0)
		return err_errnof(err, -errno, "cannot make a pipe");
	notes = p[0];
	b.notes_fd = p[1];
	phase_begin(ph, "%s: root tree", board);
	r = userns_start(build_fn, &b, &job, err);
	(void)close(p[1]);
	if (r < 0)
		return r;
	while (read_upto(notes, &n, sizeof(n)) == (ssize_t)sizeof(n)) {
		planned = n.planned;
		if (!planned)
			phase_begin(ph, "%s: root file system, boot files", board);
	}
	r = userns_wait(&job, err);
	if (r == 0 && !planned)
		r = err_setf(err, -EIO, "the layout did not come back");
	if (r == 0)
		*ret = n.layout;
	return r;
}

static int build_parts(const struct image_make *m, struct image_tree_spec *spec,
		       struct image_assembly *boot, const char *image, struct phases *ph,
		       struct image_base *ret, struct err *err)
{
	const struct base_json *base = &ret->base;
	const char *subvolumes[IMAGE_SUBVOLUMES + 1] = { 0 };
	char tree[PATH_MAX], device_uuid[GUID_TEXT_MAX];
	struct build b = { .make = m, .spec = spec, .boot = boot, .tree = tree };
	cleanup_free char *repro = NULL;
	struct err none = { 0 };
	struct guid g;

	for (size_t i = 0; i < IMAGE_SUBVOLUMES; i++)
		subvolumes[i] = image_subvolumes[i].name;
	(void)snprintf(tree, sizeof(tree), "%s/tree", spec->dir);
	guid_derive(base->cluster_id, strlen(base->cluster_id), base->root_uuid, &g);
	(void)guid_format(&g, device_uuid);
	if (datadir_path("mkfs-repro.so", &repro, &none) < 0)
		log_debugf("the root file system gets random ids: %s", none.msg);
	b.root = (struct btrfs_make){
		.tree = tree,
		.subvolumes = subvolumes,
		.image = image,
		.uuid = base->root_uuid,
		.device_uuid = device_uuid,
		.label = "kiln",
		.compress = m->cluster->storage.compress,
		.repro = repro,
		.mtime_s = base->created_at,
	};
	return build(&b, ph, &ret->layout, err);
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

static int assemble(const struct image_make *m, struct image_assembly *a, struct tempfile **file,
		    struct image_base *ret, struct err *err)
{
	int r;

	a->layout = &ret->layout;
	r = layout_name(&ret->layout, ret->base.cluster_id, m->board->name, err);
	if (r == 0)
		r = image_assemble(a, file, &ret->json, err);
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

static int remove_fn(void *dir, struct err *err)
{
	int r = tree_remove_at(AT_FDCWD, dir);

	return r < 0 ? err_errnof(err, r, "cannot remove '%s'", (const char *)dir) : 0;
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
	char boot_dir[PATH_MAX], boot_image[PATH_MAX], tree[PATH_MAX];
	struct image_assembly a = {
		.boot_dir = boot_dir,
		.boot_image = boot_image,
		.root_uuid = ret->base.root_uuid,
		.mtime_s = (int64_t)ret->base.created_at,
		.target = ret->path,
	};
	cleanup_userns_job struct userns_job removal = { 0 };
	cleanup_tempfile struct tempfile *file = NULL;
	int r;

	(void)snprintf(boot_dir, sizeof(boot_dir), "%s/boot", dir);
	(void)snprintf(boot_image, sizeof(boot_image), "%s/boot.fat", dir);
	(void)snprintf(tree, sizeof(tree), "%s/tree", dir);
	if (boot_uuid_parse(ret->base.boot_uuid, &a.boot_id) < 0)
		return err_setf(err, -EINVAL, "'%s' is no volume id", ret->base.boot_uuid);
	r = tempfile_new(ret->path, &file, err);
	if (r == 0)
		r = build_parts(m, &spec, &a, file->path, ph, ret, err);
	if (r < 0)
		return r;
	phase_begin(ph, "%s: assemble, verify, sync", m->board->name);
	/* what of the tree is not on the disk yet, when it was not in memory, never gets there */
	r = userns_start(remove_fn, tree, &removal, err);
	if (r == 0)
		r = assemble(m, &a, &file, ret, err);
	return r == 0 ? userns_wait(&removal, err) : r;
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
