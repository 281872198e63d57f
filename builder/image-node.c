/* The image of a node: a base image with the node's GUIDs, seed and boot files. */
#include "image.h"
#include "boot.h"
#include "copy.h"
#include "file.h"
#include "gpt.h"
#include "image-assemble.h"
#include "image-map.h"
#include "image-node-boot.h"
#include "log.h"
#include "tempfile.h"
#include "zst.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

struct work {
	const struct image_node_spec *spec;
	char *image, *json_path, *bmap_path; /* owned; final names */
	struct image_json old;		     /* of the image that is there; zeroed: none */
	struct layout layout;
	struct seed seed;
	struct fileset files; /* boot files of this node */
	uint32_t boot_id;
};

static void work_done(struct work *w)
{
	free(w->image);
	free(w->json_path);
	free(w->bmap_path);
	image_json_done(&w->old);
	seed_done(&w->seed);
	fileset_done(&w->files);
}

static const struct layout_part *boot_part(const struct work *w)
{
	return &w->layout.parts[LAYOUT_BOOT];
}

static struct image_node_boot boot_of(const struct work *w, const struct tempfile *t)
{
	return (struct image_node_boot){
		.image = t,
		.target = w->image,
		.part = boot_part(w),
		.seed = &w->seed,
		.files = &w->files,
		.mtime_s = (int64_t)w->spec->base->base.created_at,
	};
}

static int build_seed(struct work *w, uint64_t baked_at, struct seed *ret, struct err *err)
{
	const struct image_node_spec *s = w->spec;
	struct seed_inputs in = {
		.board = s->board,
		.base_id = s->base->base.id,
		.bundle_path = s->bundle_path,
		.wipe = s->wipe,
		.baked_at = baked_at,
	};

	return seed_build(s->cluster, s->node, &in, ret, err);
}

/* With the time of the last bake first: what has not changed must stay the same bytes. */
static int make_seed(struct work *w, bool *ret_same, struct err *err)
{
	uint64_t before =
		w->old.seed ? image_node_boot_baked_at(w->image, boot_part(w), w->old.seed) : 0;
	int r;

	*ret_same = false;
	if (before) {
		r = build_seed(w, before, &w->seed, err);
		if (r < 0)
			return r;
		if (strcmp(w->seed.digest, w->old.seed) == 0) {
			*ret_same = true;
			return 0;
		}
		seed_done(&w->seed);
	}
	return build_seed(w, w->spec->now, &w->seed, err);
}

static int make_files(struct work *w, struct err *err)
{
	const struct image_node_spec *s = w->spec;
	struct boot_spec boot = {
		.board = s->board,
		.release = s->base->base.kernel,
		.root_uuid = s->base->base.root_uuid,
		.boot_uuid = s->base->base.boot_uuid,
		.mtime_s = (int64_t)s->base->base.created_at,
	};

	return boot_method_get(s->board->boot)->node_files(&boot, s->node, &w->files, err);
}

static bool has_extent(const struct image_json *j, const struct image_extent *want)
{
	for (size_t i = 0; i < j->extents.len; i++) {
		const struct image_extent *e = &j->extents.items[i];

		if (e->offset_bytes == want->offset_bytes)
			return e->length_bytes == want->length_bytes &&
			       strcmp(e->sha256, want->sha256) == 0;
	}
	return false;
}

/*
 * A base of the same inputs that was made again has other times, so other bytes (unless
 * SOURCE_DATE_EPOCH is given): its map would not be that of an image of the former one.
 */
static bool same_root(const struct work *w)
{
	const struct layout_part *root = &w->layout.parts[LAYOUT_ROOT];
	const struct image_json *base = &w->spec->base->json;

	for (size_t i = 0; i < base->extents.len; i++) {
		const struct image_extent *e = &base->extents.items[i];

		if (e->offset_bytes >= root->start_bytes &&
		    e->offset_bytes < root->start_bytes + root->size_bytes &&
		    !has_extent(&w->old, e))
			return false;
	}
	return true;
}

/* Is the image that is there made from this base, and whole? */
static bool can_patch(const struct work *w)
{
	cleanup_close int fd = -EBADF;
	struct err why = { 0 };
	struct stat st;

	if (!w->old.base || strcmp(w->old.base, w->spec->base->base.id) != 0 ||
	    w->old.size_bytes != w->layout.disk_bytes || !same_root(w))
		return false;
	/* Never through a link to a device or to what somebody keeps under another name. */
	fd = open(w->image, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_nlink != 1)
		return false;
	if (image_verify(fd, w->image, &w->layout, w->spec->base->base.root_uuid, w->boot_id,
			 &why) < 0) {
		log_debugf("'%s' is made anew: %s", w->image, why.msg);
		return false;
	}
	return true;
}

static int copy_base(const struct work *w, struct tempfile **ret, struct err *err)
{
	cleanup_close int in = neg_errno(open(w->spec->base->path, O_RDONLY | O_CLOEXEC));
	cleanup_tempfile struct tempfile *t = NULL;
	int r;

	if (in < 0)
		return err_errnof(err, in, "cannot open '%s'", w->spec->base->path);
	r = tempfile_new(w->image, &t, err);
	if (r == 0)
		r = copy_sparse(in, t->fd, NULL, err);
	if (r == 0)
		r = gpt_write(t->fd, t->path, &w->layout, err);
	if (r < 0)
		return err_wrapf(err, r, "cannot make '%s'", w->image);
	file_sync_begin(t->fd);
	*ret = TAKE_PTR(t);
	return 0;
}

/* Out of its final name, so that a killed bake leaves nothing half-patched under it. */
static int take_old(const struct work *w, struct tempfile **ret, struct err *err)
{
	cleanup_tempfile struct tempfile *t = NULL;
	int r;

	r = tempfile_new(w->image, &t, err);
	if (r < 0)
		return r;
	r = neg_errno(rename(w->image, t->path));
	if (r < 0)
		return err_errnof(err, r, "cannot rename '%s'", w->image);
	(void)close(t->fd);
	t->fd = neg_errno(open(t->path, O_RDWR | O_CLOEXEC | O_NOFOLLOW));
	if (t->fd < 0)
		return err_errnof(err, t->fd, "cannot open '%s'", t->path);
	*ret = TAKE_PTR(t);
	return 0;
}

static int copy_inputs(const struct image_json *from, struct image_json *to)
{
	to->inputs.items = calloc(from->inputs.len + 1, sizeof(*to->inputs.items));
	if (!to->inputs.items)
		return -ENOMEM;
	for (size_t i = 0; i < from->inputs.len; i++) {
		const struct image_input *s = &from->inputs.items[i];
		struct image_input *d = &to->inputs.items[to->inputs.len++];

		*d = (struct image_input){ .name = strdup(s->name),
					   .sha256 = strdup(s->sha256),
					   .version = s->version ? strdup(s->version) : NULL };
		if (!d->name || !d->sha256 || (s->version && !d->version))
			return -ENOMEM;
	}
	return 0;
}

static int describe(const struct work *w, const struct tempfile *t, struct image_json *j,
		    struct err *err)
{
	const struct image_node_spec *s = w->spec;
	int r;

	j->cluster = strdup(s->cluster->name);
	j->node = strdup(s->node->name);
	j->board = strdup(s->board->name);
	j->base = strdup(s->base->base.id);
	j->seed = strdup(w->seed.digest);
	if (!j->cluster || !j->node || !j->board || !j->base || !j->seed ||
	    copy_inputs(&s->base->json, j) < 0)
		return err_nomem(err);
	r = image_map_partitions(&w->layout, s->base->base.boot_uuid, s->base->base.root_uuid, j,
				 err);
	if (r == 0)
		r = image_map_node(t->fd, &w->layout, &s->base->json, j, err);
	return r;
}

static int write_text(const char *path, char *text, size_t len, struct err *err)
{
	return file_replace_at(AT_FDCWD, path, text, len, 0644, err);
}

/* Root's ranges against the digests of when they were made; a base that rotted in the cache goes.
 */
static int verify_copy(const struct work *w, const struct tempfile *t, const struct image_json *j,
		       struct err *err)
{
	const char *base = w->spec->base->path;
	int r = image_map_verify(t->fd, j, err);

	if (r != -EBADMSG)
		return r;
	if (unlink(base) < 0)
		return err_wrapf(err, r, "base image '%s' is damaged; remove it and bake again",
				 base);
	return err_wrapf(err, r, "base image '%s' was damaged and is removed; bake again", base);
}

static int finish(const struct work *w, struct tempfile *t, bool copied, struct err *err)
{
	cleanup_image_json struct image_json j = { 0 };
	struct image_node_boot boot = boot_of(w, t);
	cleanup_free char *json = NULL, *bmap = NULL;
	size_t json_len = 0, bmap_len = 0;
	int r;

	r = image_verify(t->fd, t->path, &w->layout, w->spec->base->base.root_uuid, w->boot_id,
			 err);
	if (r == 0)
		r = image_node_boot_verify(&boot, err);
	if (r == 0)
		r = describe(w, t, &j, err);
	if (r == 0 && copied)
		r = verify_copy(w, t, &j, err);
	if (r == 0)
		r = image_json_format(&j, &json, &json_len, err);
	if (r == 0)
		r = image_map_bmap(&j, &bmap, &bmap_len, err);
	if (r == 0)
		r = write_text(w->json_path, json, json_len, err);
	if (r == 0)
		r = write_text(w->bmap_path, bmap, bmap_len, err);
	if (r == 0)
		r = tempfile_commit(t, w->image, 0600, err); /* it carries secrets */
	return r;
}

static int prepare(struct work *w, struct err *err)
{
	const struct image_node_spec *s = w->spec;
	struct err ignored = { 0 };
	int r;

	w->image = image_out_path(s->cluster, s->node->name, IMAGE_SUFFIX);
	w->json_path = image_out_path(s->cluster, s->node->name, IMAGE_JSON_SUFFIX);
	w->bmap_path = image_out_path(s->cluster, s->node->name, IMAGE_BMAP_SUFFIX);
	if (!w->image || !w->json_path || !w->bmap_path)
		return err_nomem(err);
	w->layout = s->base->layout;
	r = layout_name(&w->layout, s->base->base.cluster_id, s->node->name, err);
	if (r == 0 && boot_uuid_parse(s->base->base.boot_uuid, &w->boot_id) < 0)
		r = err_setf(err, -EINVAL, "'%s' is no volume id", s->base->base.boot_uuid);
	if (r == 0 && image_json_load(w->json_path, &w->old, &ignored) < 0)
		w->old = (struct image_json){ 0 }; /* none, or damaged: the image is made anew */
	return r;
}

static int zst(const struct work *w, struct err *err)
{
	cleanup_free char *path = NULL;

	if (!(w->spec->flags & IMAGE_ZST))
		return 0;
	path = image_out_path(w->spec->cluster, w->spec->node->name, IMAGE_SUFFIX ".zst");
	return path ? zst_file(w->image, path, err) : err_nomem(err);
}

static int bake(struct work *w, struct phases *ph, enum image_result *ret, struct err *err)
{
	const char *node = w->spec->node->name;
	cleanup_tempfile struct tempfile *t = NULL;
	bool patch, same = false;
	int r;

	phase_begin(ph, "%s: seed", node);
	r = prepare(w, err);
	if (r < 0)
		return r;
	patch = can_patch(w);
	if (!patch)
		image_json_done(&w->old);
	r = make_seed(w, &same, err);
	if (r == 0)
		r = make_files(w, err);
	if (r < 0)
		return r;
	phase_begin(ph, "%s: image", node);
	r = patch ? take_old(w, &t, err) : copy_base(w, &t, err);
	if (r == 0) {
		struct image_node_boot boot = boot_of(w, t);

		r = image_node_boot_fill(&boot, patch, err);
	}
	if (r == 0)
		r = finish(w, t, !patch, err);
	if (r == 0)
		r = zst(w, err);
	if (r < 0)
		return r;
	*ret = !patch ? IMAGE_MADE : same ? IMAGE_UNCHANGED : IMAGE_PATCHED;
	phase_end(ph, *ret == IMAGE_MADE      ? "made"
		      : *ret == IMAGE_PATCHED ? "new seed"
					      : "unchanged");
	return 0;
}

int image_node_bake(const struct image_node_spec *spec, struct phases *ph, enum image_result *ret,
		    struct err *err)
{
	CLEANUP(work_done) struct work w = { .spec = spec };
	int r = bake(&w, ph, ret, err);

	if (r < 0)
		return err_wrapf(err, r, "node '%s'", spec->node->name);
	return 0;
}
