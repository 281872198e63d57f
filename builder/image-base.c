/* The base image of a board: what goes in, its digest, the cache. */
#include "image.h"
#include "base.h"
#include "cache.h"
#include "datadir.h"
#include "digest.h"
#include "image-assemble.h"
#include "image-make.h"
#include "log.h"
#include "fat.h"
#include "k3s-install.h"
#include "secrets.h"
#include "tree.h"

#include <fcntl.h>
#include <limits.h>
#include <string.h>

#define IMAGE_FORMAT "kiln-image-5" /* changes when equal inputs give another image */

struct inputs {
	struct base_root root;
	struct k3s_inputs k3s;
	char *init_path, *overlay_dir;
	char init_sha256[SHA256_HEX_MAX], overlay_sha256[SHA256_HEX_MAX],
		board_sha256[SHA256_HEX_MAX];
	char cluster_id[40];
};

static void inputs_done(struct inputs *in)
{
	base_root_done(&in->root);
	k3s_inputs_done(&in->k3s);
	free(in->init_path);
	free(in->overlay_dir);
}

void image_base_done(struct image_base *b)
{
	base_json_done(&b->base);
	image_json_done(&b->json);
	free(b->path);
	*b = (struct image_base){ 0 };
}

/* All but what is for people: a README makes no other image. */
static int hash_entry(void *arg, const struct tree_entry *e, struct err *err)
{
	struct sha256 *s = arg;
	char line[PATH_MAX + 128], hex[SHA256_HEX_MAX] = "", target[PATH_MAX];
	ssize_t n;
	int r = 0;

	if (strcmp(e->path, "README.md") == 0)
		return 0;
	if (S_ISREG(e->st->st_mode))
		r = sha256_file_at(e->dir_fd, e->name, hex, err);
	if (r < 0)
		return r;
	n = snprintf(line, sizeof(line), "%s %o %s\n", e->path, e->st->st_mode, hex);
	sha256_update(s, line, (size_t)n);
	if (S_ISLNK(e->st->st_mode)) {
		n = readlinkat(e->dir_fd, e->name, target, sizeof(target));
		if (n < 0)
			return err_errnof(err, -errno, "cannot read link '%s'", e->path);
		sha256_update(s, target, (size_t)n);
	}
	return 0;
}

static int hash_tree(const char *dir, char ret[SHA256_HEX_MAX], struct err *err)
{
	struct sha256 s;
	int r;

	sha256_init(&s);
	r = tree_walk_at(AT_FDCWD, dir, hash_entry, &s, err);
	if (r < 0)
		return r;
	(void)sha256_final_hex(&s, ret);
	return 0;
}

static int get_own_inputs(const struct cluster *c, const struct board *b, struct inputs *in,
			  struct err *err)
{
	cleanup_secret struct secret id = { 0 };
	char rel[NAME_MAX];
	int r;

	r = secrets_get(c, "cluster-id", &id, err);
	if (r < 0)
		return r;
	(void)snprintf(in->cluster_id, sizeof(in->cluster_id), "%.*s", (int)strcspn(id.data, "\n"),
		       id.data);
	(void)snprintf(rel, sizeof(rel), "agent/%s/kiln-init", b->arch);
	r = datadir_path(rel, &in->init_path, err);
	if (r == 0)
		r = sha256_file_at(AT_FDCWD, in->init_path, in->init_sha256, err);
	if (r == 0)
		r = datadir_path("overlays/common", &in->overlay_dir, err);
	if (r == 0)
		r = hash_tree(in->overlay_dir, in->overlay_sha256, err);
	if (r == 0)
		r = hash_tree(b->dir, in->board_sha256, err);
	return r;
}

unsigned int image_base_flags(unsigned int flags)
{
	return (flags & IMAGE_OFFLINE ? BASE_OFFLINE : 0) |
	       (flags & IMAGE_EMULATE ? BASE_EMULATE : 0);
}

static int get_inputs(const struct cluster *c, const struct board *b, unsigned int flags,
		      struct inputs *in, struct err *err)
{
	unsigned int base_flags = image_base_flags(flags);
	int r;

	r = get_own_inputs(c, b, in, err);
	if (r == 0)
		r = k3s_inputs_get(c, b, base_flags, &in->k3s, err);
	if (r == 0)
		r = base_root_get(c, b, base_flags, &in->root, err);
	return r;
}

static int add_input(struct image_json *j, const char *name, const char *version,
		     const char *sha256)
{
	struct image_input *grown =
		reallocarray(j->inputs.items, j->inputs.len + 1, sizeof(*grown));
	struct image_input *i;

	if (!grown)
		return -ENOMEM;
	j->inputs.items = grown;
	i = &grown[j->inputs.len++];
	*i = (struct image_input){ .name = strdup(name),
				   .version = version ? strdup(version) : NULL,
				   .sha256 = strdup(sha256) };
	return !i->name || !i->sha256 || (version && !i->version) ? -ENOMEM : 0;
}

/* Everything that makes one base image differ from another; the digest of the list is its id. */
static int list_inputs(const struct inputs *in, struct image_json *j, struct err *err)
{
	int r;

	r = add_input(j, "base-root", NULL, in->root.key);
	if (r == 0)
		r = add_input(j, "kiln-init", KILN_VERSION, in->init_sha256);
	if (r == 0)
		r = add_input(j, "overlays/common", NULL, in->overlay_sha256);
	if (r == 0)
		r = add_input(j, "board", NULL, in->board_sha256);
	for (size_t i = 0; r == 0 && i < in->k3s.len; i++)
		r = add_input(j, in->k3s.items[i].name, in->k3s.items[i].version,
			      in->k3s.items[i].sha256);
	for (size_t i = 0; r == 0 && i < in->root.packages_len; i++)
		r = add_input(j, in->root.packages[i].name, in->root.packages[i].version,
			      in->root.packages[i].sha256);
	return r < 0 ? err_nomem(err) : 0;
}

static void derive_id(const struct cluster *c, const struct board *b, const struct inputs *in,
		      const struct image_json *j, char ret[SHA256_HEX_MAX])
{
	const char *compress = c->storage.compress ? c->storage.compress : "";
	struct sha256 s;

	sha256_init(&s);
	sha256_update(&s, IMAGE_FORMAT, sizeof(IMAGE_FORMAT));
	sha256_update(&s, in->cluster_id, strlen(in->cluster_id) + 1);
	sha256_update(&s, b->name, strlen(b->name) + 1);
	sha256_update(&s, compress, strlen(compress) + 1);
	for (size_t i = 0; i < j->inputs.len; i++)
		sha256_update(&s, j->inputs.items[i].sha256, strlen(j->inputs.items[i].sha256) + 1);
	(void)sha256_final_hex(&s, ret);
}

static int fill_base(const struct board *b, const struct inputs *in, const char *id, uint64_t now,
		     struct base_json *ret, struct err *err)
{
	char name[256], root_uuid[GUID_TEXT_MAX], boot_uuid[10];
	struct guid g;

	(void)snprintf(name, sizeof(name), "fs/%s/root", b->name);
	guid_derive(in->cluster_id, strlen(in->cluster_id), name, &g);
	(void)guid_format(&g, root_uuid);
	(void)snprintf(name, sizeof(name), "fs/%s/boot", b->name);
	guid_derive(in->cluster_id, strlen(in->cluster_id), name, &g);
	(void)boot_uuid_format((uint32_t)g.bytes[0] << 24 | (uint32_t)g.bytes[1] << 16 |
				       (uint32_t)g.bytes[2] << 8 | g.bytes[3],
			       boot_uuid);
	*ret = (struct base_json){
		.id = strdup(id),
		.cluster_id = strdup(in->cluster_id),
		.board = strdup(b->name),
		.arch = strdup(b->arch),
		.kernel = strdup(in->root.kernel),
		.created_at = now,
		.root_uuid = strdup(root_uuid),
		.boot_uuid = strdup(boot_uuid),
	};
	if (!ret->id || !ret->cluster_id || !ret->board || !ret->arch || !ret->kernel ||
	    !ret->root_uuid || !ret->boot_uuid)
		return err_nomem(err);
	return 0;
}

static int read_base_json(struct image_base *ret, struct err *err)
{
	cleanup_close int fd = neg_errno(open(ret->path, O_RDONLY | O_CLOEXEC));
	cleanup_fat struct fat f = { 0 };
	cleanup_free char *text = NULL;
	size_t len = 0;
	int r;

	if (fd < 0)
		return err_errnof(err, fd, "cannot open '%s'", ret->path);
	r = fat_open(fd, ret->layout.parts[LAYOUT_BOOT].start_bytes, &f, err);
	if (r == 0)
		r = fat_read(&f, "kiln/base.json", BASE_JSON_MAX, &text, &len, err);
	if (r == 0)
		r = base_json_parse(text, len, &ret->base, err);
	return r;
}

/* 1: taken from the cache; 0: it must be made. A damaged one is made again. */
static int take_cached(struct image_base *ret, const char *json_path, const char *id)
{
	struct image_base b = { 0 };
	struct err why = { 0 };
	int r;

	b.path = strdup(ret->path);
	r = b.path ? image_json_load(json_path, &b.json, &why) : -ENOMEM;
	if (r == 0 && strcmp(b.json.base, id) != 0)
		r = err_setf(&why, -ESTALE, "it is the image of %s", b.json.base);
	if (r == 0)
		r = image_json_layout(&b.json, &b.layout, &why);
	if (r == 0)
		r = read_base_json(&b, &why);
	if (r < 0) {
		log_debugf("base image '%s' is not taken from the cache: %s", ret->path, why.msg);
		image_base_done(&b);
		return 0;
	}
	image_base_done(ret);
	*ret = b;
	ret->cached = true;
	return 1;
}

static int name_json(struct image_base *base, const struct cluster *c, const struct board *b,
		     const char *id, struct err *err)
{
	base->json.cluster = strdup(c->name);
	base->json.node = strdup(b->name);
	base->json.board = strdup(b->name);
	base->json.base = strdup(id);
	if (!base->json.cluster || !base->json.node || !base->json.board || !base->json.base)
		return err_nomem(err);
	return 0;
}

static int get(const struct cluster *c, const struct board *b, unsigned int flags,
	       struct phases *ph, struct image_base *ret, struct err *err)
{
	CLEANUP(inputs_done) struct inputs in = { 0 };
	cleanup_image_base struct image_base base = { 0 };
	cleanup_free char *work = NULL, *json_path = NULL;
	char id[SHA256_HEX_MAX];
	uint64_t now;
	int r;

	r = image_now(&now, err);
	if (r < 0)
		return r;
	phase_begin(ph, "%s: base root", b->name);
	r = get_inputs(c, b, flags, &in, err);
	if (r == 0)
		r = list_inputs(&in, &base.json, err);
	if (r < 0)
		return r;
	phase_end(ph, NULL);
	derive_id(c, b, &in, &base.json, id);
	r = cache_path("images/new", &work, err);
	if (r < 0)
		return r;
	*strrchr(work, '/') = '\0';
	if (asprintf(&base.path, "%s/%s.img", work, id) < 0)
		base.path = NULL;
	if (asprintf(&json_path, "%s/%s.json", work, id) < 0)
		json_path = NULL;
	if (!base.path || !json_path)
		return err_nomem(err);
	if (take_cached(&base, json_path, id) == 0) {
		r = name_json(&base, c, b, id, err);
		if (r == 0)
			r = fill_base(b, &in, id, now, &base.base, err);
		if (r == 0)
			r = image_make(&(struct image_make){ c, b, &in.root, &in.k3s, in.init_path,
							     in.overlay_dir, work, json_path },
				       ph, &base, err);
		if (r < 0)
			return r;
	}
	*ret = base;
	base = (struct image_base){ 0 };
	return 0;
}

int image_base_get(const struct cluster *c, const struct board *b, unsigned int flags,
		   struct phases *ph, struct image_base *ret, struct err *err)
{
	int r = get(c, b, flags, ph, ret, err);

	if (r < 0)
		return err_wrapf(err, r, "base image of board '%s'", b->name);
	return 0;
}
