#include "oci-lock.h"

#include "board.h"
#include "json.h"
#include "oci-doc.h"
#include "oci-registry.h"

#include <string.h>

#define BOARDS_MAX 64
#define TEXT_MAX (1U << 20)

/* Each architecture of the cluster once, with the first board that has it. */
struct archs {
	struct board *boards[BOARDS_MAX]; /* owned */
	size_t len;
};

static void archs_done(struct archs *a)
{
	for (size_t i = 0; i < a->len; i++)
		board_free(a->boards[i]);
}
#define cleanup_archs CLEANUP(archs_done)

static bool has_arch(const struct archs *a, const char *arch)
{
	for (size_t i = 0; i < a->len; i++)
		if (strcmp(a->boards[i]->arch, arch) == 0)
			return true;
	return false;
}

static int archs_get(const struct cluster *c, struct archs *ret, struct err *err)
{
	for (size_t i = 0; i < c->nodes_len && ret->len < BOARDS_MAX; i++) {
		cleanup_board struct board *b = NULL;
		int r = board_load(c->nodes[i].board, &b, err);

		if (r < 0)
			return r;
		if (!has_arch(ret, b->arch))
			ret->boards[ret->len++] = TAKE_PTR(b);
	}
	return 0;
}

/* An image that some component needs on an architecture. */
struct use {
	const struct bundle_part *part;
	const struct bundle_image *image;
};

static bool needed_on(const struct bundle_image *i, const char *arch)
{
	return !i->arch || strcmp(i->arch, arch) == 0;
}

/* Who needs the image there; the first in the bundle's order. */
static struct use find_use(const struct bundle_model *m, const char *name, const char *arch)
{
	for (size_t i = 0; i < m->len; i++)
		for (size_t k = 0; k < m->parts[i].images_len; k++)
			if (strcmp(m->parts[i].images[k].name, name) == 0 &&
			    needed_on(&m->parts[i].images[k], arch))
				return (struct use){ &m->parts[i], &m->parts[i].images[k] };
	return (struct use){ 0 };
}

static void put_place(struct buf *b, const struct use *u)
{
	const struct kval *at = u->image->at;

	(void)buf_addf(b, "%s%s:%u:%u: component '%s': image '%s'", b->len ? "\n" : "",
		       u->image->file, at && at->line ? at->line : 1, at && at->line ? at->col : 1,
		       u->part->def.name, u->image->name);
}

struct resolve {
	const struct bundle_model *model;
	const struct archs *archs;
	struct lock *lock;
	struct buf missing; /* what the error will say */
};

static int platform_bytes(const char *name, const char *sha256, uint64_t *ret, struct err *err)
{
	cleanup_oci_doc struct oci_doc d = { 0 };
	cleanup_free char *text = NULL;
	char hex[SHA256_HEX_MAX];
	size_t len;
	int r = oci_registry_doc(name, sha256, &text, &len, hex, err);

	if (r >= 0)
		r = oci_doc_parse(text, len, &d, err);
	if (r >= 0 && d.index)
		r = err_setf(err, -EINVAL, "an index within an index");
	if (r >= 0)
		*ret = len + oci_doc_bytes(&d);
	return r;
}

static int single_arch(const struct lock_image *image, const struct oci_doc *d, char **ret,
		       struct err *err)
{
	cleanup_free char *text = NULL;
	cleanup_json json_t *root = NULL;
	const char *arch;
	size_t len;
	int r = oci_registry_config(image->name, image->sha256, d->entries[0].sha256, &text, &len,
				    err);

	if (r >= 0)
		r = js_read(text, len, &root, err);
	if (r >= 0)
		r = jget_str(root, "architecture", &arch, err);
	if (r < 0)
		return r;
	*ret = strdup(arch);
	return *ret ? 0 : err_nomem(err);
}

/* No index: the image has the platform that its configuration says. */
static int resolve_single(struct lock_image *image, const struct oci_doc *d, const char *arch,
			  const struct board *b, char **ret_has, struct err *err)
{
	if (strcmp(arch, b->arch) != 0)
		return asprintf(ret_has, "linux/%s", arch) < 0 ? err_nomem(err) : 0;
	image->platforms[image->platforms_len] =
		(struct lock_platform){ strdup(b->arch), strdup(image->sha256),
					image->size_bytes + oci_doc_bytes(d) };
	return 0;
}

static int resolve_index(struct lock_image *image, const struct oci_doc *d, const struct board *b,
			 char **ret_has, struct err *err)
{
	const struct oci_entry *e = oci_doc_platform(d, b->arch);
	uint64_t bytes = 0;
	int r;

	if (!e) {
		*ret_has = oci_doc_platforms(d);
		return *ret_has ? 0 : err_nomem(err);
	}
	r = platform_bytes(image->name, e->sha256, &bytes, err);
	if (r < 0)
		return err_wrapf(err, r, "its linux/%s", b->arch);
	image->platforms[image->platforms_len] =
		(struct lock_platform){ strdup(b->arch), strdup(e->sha256), bytes };
	return 0;
}

static int resolve_platform(struct resolve *rs, struct lock_image *image, const struct oci_doc *d,
			    const char *single_arch, const struct board *b, struct err *err)
{
	struct use u = find_use(rs->model, image->name, b->arch);
	cleanup_free char *has = NULL;
	const struct lock_platform *p;
	int r;

	if (!u.part)
		return 0;
	r = d->index ? resolve_index(image, d, b, &has, err)
		     : resolve_single(image, d, single_arch, b, &has, err);
	if (r < 0)
		return r;
	if (has) {
		put_place(&rs->missing, &u);
		(void)buf_addf(&rs->missing, " has no linux/%s, which board '%s' needs; it has %s",
			       b->arch, b->name, has);
		return 0;
	}
	p = &image->platforms[image->platforms_len++];
	return p->arch && p->sha256 ? 0 : err_nomem(err);
}

static int resolve_platforms(struct resolve *rs, struct lock_image *image, const struct oci_doc *d,
			     struct err *err)
{
	cleanup_free char *arch = NULL;
	int r = d->index ? 0 : single_arch(image, d, &arch, err);

	image->platforms = calloc(rs->archs->len, sizeof(*image->platforms));
	if (!image->platforms)
		return err_nomem(err);
	for (size_t i = 0; i < rs->archs->len && r >= 0; i++)
		r = resolve_platform(rs, image, d, arch, rs->archs->boards[i], err);
	return r;
}

static int resolve(struct resolve *rs, const char *name, struct err *err)
{
	cleanup_oci_doc struct oci_doc d = { 0 };
	cleanup_free char *text = NULL;
	struct lock_image image = { .name = strdup(name) };
	char hex[SHA256_HEX_MAX];
	size_t len = 0;
	int r = image.name ? oci_registry_doc(name, NULL, &text, &len, hex, err) : err_nomem(err);

	if (r >= 0)
		r = oci_doc_parse(text, len, &d, err);
	image.size_bytes = len;
	image.sha256 = r >= 0 ? strdup(hex) : NULL;
	if (r >= 0)
		r = image.sha256 ? resolve_platforms(rs, &image, &d, err) : err_nomem(err);
	if (r >= 0 && lock_add_image(rs->lock, &image) < 0)
		r = err_nomem(err);
	lock_image_done(&image);
	return r;
}

static int resolve_all(struct resolve *rs, struct phases *p, struct err *err)
{
	const struct bundle_model *m = rs->model;
	int r = 0;

	for (size_t i = 0; i < m->len && r >= 0; i++)
		for (size_t k = 0; k < m->parts[i].images_len && r >= 0; k++) {
			const struct bundle_image *image = &m->parts[i].images[k];
			struct use u = { &m->parts[i], image };

			if (lock_image(rs->lock, image->name))
				continue;
			phase_begin(p, "image %s", image->name);
			r = resolve(rs, image->name, err);
			if (r < 0) {
				cleanup_buf struct buf place = BUF_INIT(TEXT_MAX);

				put_place(&place, &u);
				return err_wrapf(err, r, "%s", buf_str(&place));
			}
			phase_end(p, NULL);
		}
	if (rs->missing.len == 0)
		return r;
	return err_setf(err, -ENOENT, "images that do not run on all boards:\n%s",
			buf_str(&rs->missing));
}

int oci_lock(const struct cluster *c, struct lock *l, struct phases *p, struct err *err)
{
	static const char id[] = "00000000000000000000000000000000"; /* no image depends on it */
	cleanup_bundle_model struct bundle_model m = { .lock = l };
	cleanup_archs struct archs archs = { 0 };
	struct resolve rs = { &m, &archs, l, BUF_INIT(TEXT_MAX) };
	int r = archs_get(c, &archs, err);

	if (r >= 0)
		r = bundle_collect(&m, c, id, err);
	if (r >= 0)
		r = bundle_hooks(&m, err);
	if (r >= 0)
		r = bundle_images(&m, err);
	if (r >= 0)
		r = resolve_all(&rs, p, err);
	buf_done(&rs.missing);
	return r;
}

static void check_image(const struct lock *l, const struct archs *archs, const struct use *u,
			struct buf *missing)
{
	const struct lock_image *image = lock_image(l, u->image->name);

	if (!image) {
		put_place(missing, u);
		(void)buf_adds(missing, " is not in kiln.lock");
		return;
	}
	for (size_t i = 0; i < archs->len; i++) {
		const struct board *b = archs->boards[i];

		if (!needed_on(u->image, b->arch) || lock_platform(image, b->arch))
			continue;
		put_place(missing, u);
		(void)buf_addf(missing, " is in kiln.lock without linux/%s, which board '%s' needs",
			       b->arch, b->name);
	}
}

int oci_lock_check(const struct bundle_model *m, struct err *err)
{
	cleanup_buf struct buf missing = BUF_INIT(TEXT_MAX);
	cleanup_archs struct archs archs = { 0 };
	cleanup_lock struct lock l = { 0 };
	struct err none = { 0 };
	int r = archs_get(m->cluster, &archs, err);

	if (r < 0)
		return r;
	r = lock_load(m->cluster, &l, &none);
	if (r < 0 && r != -ENOENT)
		return err_setf(err, r, "%s", none.msg);
	for (size_t i = 0; i < m->len; i++)
		for (size_t k = 0; k < m->parts[i].images_len; k++)
			check_image(&l, &archs,
				    &(struct use){ &m->parts[i], &m->parts[i].images[k] },
				    &missing);
	if (missing.len == 0)
		return 0;
	return err_setf(err, -ENOENT, "%s\n'kiln update' resolves images", buf_str(&missing));
}
