#include "cache-gc.h"

#include "base-inputs.h"
#include "base.h"
#include "board.h"
#include "cache-use.h"
#include "cache.h"
#include "file.h"
#include "image.h"
#include "lock.h"
#include "oci-archive.h"
#include "tree.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#define HEX_LEN 64
#define DOCUMENT_MAX ((size_t)4 << 20) /* of an index or manifest; larger files are layers */
#define DIGEST "sha256:"

static const char *const folders[] = { "base", "images", "sha256" };

void gc_keep_done(struct gc_keep *k)
{
	lock_list_done(&k->names);
}

static bool is_kept(const struct gc_keep *k, const char *name)
{
	for (size_t i = 0; i < k->names.len; i++)
		if (strcmp(k->names.items[i], name) == 0)
			return true;
	return false;
}

static int keep(struct gc_keep *k, const char *folder, const char *hex)
{
	char name[HEX_LEN + 32];

	if (strlen(hex) > HEX_LEN + 8)
		return 0;
	(void)snprintf(name, sizeof(name), "%s/%s", folder, hex);
	return is_kept(k, name) ? 0 : lock_list_add(&k->names, name);
}

static int keep_lock(struct gc_keep *k, const struct lock *l, struct err *err)
{
	static const char *const archs[] = { "amd64", "arm64" };
	int r = 0;

	for (size_t i = 0; i < l->packages_len && r >= 0; i++)
		r = keep(k, "sha256", l->packages[i].sha256);
	for (size_t i = 0; i < l->files_len && r >= 0; i++)
		r = keep(k, "sha256", l->files[i].sha256);
	for (size_t i = 0; i < l->images_len && r >= 0; i++) {
		r = keep(k, "sha256", l->images[i].sha256);
		for (size_t p = 0; p < l->images[i].platforms_len && r >= 0; p++)
			r = keep(k, "sha256", l->images[i].platforms[p].sha256);
	}
	if (r < 0)
		return err_nomem(err);
	for (size_t i = 0; i < ARRAY_SIZE(archs); i++) {
		cleanup_free char *path = NULL;
		char hex[SHA256_HEX_MAX];

		r = oci_archive_needed(l, archs[i]) ? oci_archive_find(l, archs[i], &path, hex, err)
						    : 0;
		if (r > 0 && keep(k, "sha256", hex) < 0)
			return err_nomem(err);
		if (r < 0)
			return r;
	}
	return 0;
}

/* The base roots of a node's board, made either way. */
static int keep_roots(struct gc_keep *k, const struct cluster *c, const struct node *n,
		      struct err *err)
{
	static const unsigned int ways[] = { 0, BASE_EMULATE };
	cleanup_board struct board *b = NULL;
	int r = board_load(n->board, &b, err);

	for (size_t i = 0; i < ARRAY_SIZE(ways) && r >= 0; i++) {
		cleanup_base_inputs struct base_inputs in = { 0 };
		char native[HEX_LEN + 16];

		r = base_inputs_get(c, b, ways[i], &in, err);
		if (r < 0)
			break;
		(void)snprintf(native, sizeof(native), "native-%s", in.native_key);
		if (keep(k, "base", in.key) < 0 || keep(k, "base", native) < 0)
			return err_nomem(err);
	}
	return r;
}

/* The base image that the node's image in out/ was made from. */
static int keep_image(struct gc_keep *k, const struct cluster *c, const struct node *n,
		      struct err *err)
{
	cleanup_free char *path = image_out_path(c, n->name, IMAGE_JSON_SUFFIX);
	cleanup_image_json struct image_json j = { 0 };
	int r;

	if (!path)
		return err_nomem(err);
	r = image_json_load(path, &j, err);
	if (r == -ENOENT) {
		err_clear(err);
		return 0; /* not baked yet */
	}
	if (r < 0)
		return r;
	return j.base && keep(k, "images", j.base) < 0 ? err_nomem(err) : 0;
}

int gc_keep_cluster(struct gc_keep *k, const struct cluster *c, struct err *err)
{
	cleanup_lock struct lock l = { 0 };
	int r = lock_load(c, &l, err);

	if (r >= 0)
		r = keep_lock(k, &l, err);
	for (size_t i = 0; i < c->nodes_len && r >= 0; i++) {
		r = keep_roots(k, c, &c->nodes[i], err);
		if (r >= 0)
			r = keep_image(k, c, &c->nodes[i], err);
	}
	return r;
}

/* What one kept document names. */
static int keep_named(struct gc_keep *k, const char *name, struct err *err)
{
	cleanup_free char *path = NULL, *text = NULL;
	struct err ignored = { 0 };
	struct stat st;
	size_t len;
	int r = cache_path(name, &path, err);

	if (r < 0)
		return r;
	if (stat(path, &st) < 0 || !S_ISREG(st.st_mode) || (size_t)st.st_size > DOCUMENT_MAX ||
	    file_read_at(AT_FDCWD, path, DOCUMENT_MAX, &text, &len, &ignored) < 0 || *text != '{')
		return 0;
	for (const char *p = text; (p = strstr(p, DIGEST)); p += strlen(DIGEST)) {
		const char *hex = p + strlen(DIGEST);
		char own[HEX_LEN + 1];

		if (strspn(hex, "0123456789abcdef") != HEX_LEN)
			continue;
		(void)snprintf(own, sizeof(own), "%.*s", HEX_LEN, hex);
		if (keep(k, "sha256", own) < 0)
			return err_nomem(err);
	}
	return 0;
}

/* "base/native-<hex>" of "native-<hex>.tar"; false: no name of a digest. */
static bool stem_of(const char *folder, const char *file, char *dst, size_t size)
{
	const char *hex = strncmp(file, "native-", 7) == 0 ? file + 7 : file;
	size_t digits = strspn(hex, "0123456789abcdef");

	if (digits != HEX_LEN || (hex[HEX_LEN] != '\0' && hex[HEX_LEN] != '.'))
		return false;
	(void)snprintf(dst, size, "%s/%.*s", folder, (int)(hex - file) + HEX_LEN, file);
	return true;
}

static int64_t last_use(const struct stat *st)
{
	return st->st_atime > st->st_mtime ? st->st_atime : st->st_mtime;
}

static int add_item(struct gc_plan *p, const char *folder, const char *file, const struct stat *st)
{
	struct gc_item *items = reallocarray(p->items, p->len + 1, sizeof(*items));

	if (!items)
		return -ENOMEM;
	p->items = items;
	items += p->len;
	*items = (struct gc_item){ .bytes = (uint64_t)st->st_blocks * 512, .used_s = last_use(st) };
	if (asprintf(&items->name, "%s/%s", folder, file) < 0)
		return -ENOMEM;
	p->len++;
	p->bytes += items->bytes;
	return 0;
}

static int look_into(const struct gc_keep *k, const char *folder, int64_t before_s,
		     struct gc_plan *p, struct err *err)
{
	cleanup_name_list struct name_list names = { 0 };
	cleanup_free char *dir = NULL;
	int r = cache_path(folder, &dir, err);

	if (r < 0)
		return r;
	r = tree_list_at(AT_FDCWD, dir, &names, err);
	if (r == -ENOENT) {
		err_clear(err);
		return 0;
	}
	for (size_t i = 0; i < names.len && r >= 0; i++) {
		cleanup_free char *path = NULL;
		char stem[HEX_LEN + 32];
		struct stat st;

		if (!stem_of(folder, names.items[i], stem, sizeof(stem)))
			continue;
		if (asprintf(&path, "%s/%s", dir, names.items[i]) < 0) {
			path = NULL;
			return err_nomem(err);
		}
		if (lstat(path, &st) < 0 || !S_ISREG(st.st_mode))
			continue;
		if (is_kept(k, stem)) {
			p->kept++;
			p->kept_bytes += (uint64_t)st.st_blocks * 512;
		} else if (last_use(&st) > before_s) {
			p->young++;
			p->young_bytes += (uint64_t)st.st_blocks * 512;
		} else if (add_item(p, folder, names.items[i], &st) < 0) {
			return err_nomem(err);
		}
	}
	return r < 0 ? r : 0;
}

int gc_plan_make(struct gc_keep *k, int64_t now_s, uint64_t min_age_s, struct gc_plan *ret,
		 struct err *err)
{
	cleanup_gc_plan struct gc_plan p = { 0 };
	int r = 0;

	for (size_t i = 0; i < k->names.len && r >= 0; i++) /* grows while it is read */
		if (strncmp(k->names.items[i], "sha256/", 7) == 0)
			r = keep_named(k, k->names.items[i], err);
	for (size_t i = 0; i < ARRAY_SIZE(folders) && r >= 0; i++)
		r = look_into(k, folders[i], now_s - (int64_t)min_age_s, &p, err);
	if (r < 0)
		return r;
	*ret = p;
	p = (struct gc_plan){ 0 };
	return 0;
}

void gc_plan_done(struct gc_plan *p)
{
	for (size_t i = 0; i < p->len; i++)
		free(p->items[i].name);
	free(p->items);
	*p = (struct gc_plan){ 0 };
}

int gc_plan_remove(const struct gc_plan *p, struct err *err)
{
	cleanup_close int alone = -EBADF;
	int r = cache_use_alone(&alone, err);

	for (size_t i = 0; i < p->len && r >= 0; i++) {
		cleanup_free char *path = NULL;
		struct stat st;

		r = cache_path(p->items[i].name, &path, err);
		if (r < 0 || lstat(path, &st) < 0 || last_use(&st) > p->items[i].used_s)
			continue;
		if (unlink(path) < 0 && errno != ENOENT)
			r = err_errnof(err, -errno, "cannot remove '%s'", path);
	}
	return r;
}
