/* lock-json - kiln.lock as text; see lock.h */
#include "file.h"
#include "json.h"
#include "buf.h"
#include "lock.h"

#include <fcntl.h>
#include <string.h>

#define LOCK_MAX (32U << 20)
#define LOCK_SCHEMA 1

static char *lock_path(const struct cluster *c)
{
	char *path;

	return asprintf(&path, "%s/kiln.lock", c->dir && *c->dir ? c->dir : ".") < 0 ? NULL : path;
}

static bool is_sha256(const char *s)
{
	return strlen(s) == 64 && strspn(s, "0123456789abcdef") == 64;
}

static int read_list(const json_t *o, const char *key, struct string_list *ret, struct err *err)
{
	json_t *list, *item;
	size_t i;
	int r;

	r = jget_arr(o, key, &list, err);
	if (r < 0)
		return r;
	json_array_foreach (list, i, item) {
		if (!json_is_string(item))
			return err_setf(err, -EINVAL, "'%s[%zu]' must be a string", key, i);
		if (lock_list_add(ret, json_string_value(item)) < 0)
			return err_nomem(err);
	}
	return 0;
}

struct text_field {
	const char *key;
	char **to;
};

/* Texts that must be there, the first names it all; they stay @o's. */
static int read_texts(const json_t *o, const struct text_field *f, size_t len, struct err *err)
{
	int r = 0;

	for (size_t i = 0; i < len && r >= 0; i++) {
		const char *text = NULL;

		r = jget_str(o, f[i].key, &text, err);
		*f[i].to = (char *)text;
		if (r >= 0 && strcmp(f[i].key, "sha256") == 0 && !is_sha256(text))
			r = err_setf(err, -EINVAL, "'%s': '%s' is no SHA-256", *f[0].to, text);
	}
	return r;
}

static int read_package(const json_t *o, struct lock *l, struct err *err)
{
	struct lock_package p = { 0 };
	const struct text_field texts[] = {
		{ "name", &p.name }, { "version", &p.version }, { "arch", &p.arch },
		{ "url", &p.url },   { "sha256", &p.sha256 },
	};
	int r = read_texts(o, texts, ARRAY_SIZE(texts), err);

	if (r >= 0)
		r = jget_u64(o, "size", &p.size_bytes, err);
	return r >= 0 && lock_add_package(l, &p) < 0 ? err_nomem(err) : r;
}

static int read_set(const json_t *o, struct lock *l, struct err *err)
{
	struct lock_set s = { 0 };
	const char *board, *arch;
	int r;

	r = jget_str(o, "board", &board, err);
	if (r >= 0)
		r = jget_str(o, "arch", &arch, err);
	if (r >= 0)
		r = read_list(o, "names", &s.names, err);
	if (r >= 0)
		r = read_list(o, "packages", &s.packages, err);
	if (r >= 0) {
		s.board = (char *)board;
		s.arch = (char *)arch;
		if (lock_add_set(l, &s) < 0)
			r = err_nomem(err);
	}
	for (size_t i = 0; i < s.packages.len && r >= 0; i++)
		if (!lock_find(l, s.packages.items[i]))
			r = err_setf(err, -EINVAL,
				     "board '%s' names package '%s', which is not listed", board,
				     s.packages.items[i]);
	lock_list_done(&s.names);
	lock_list_done(&s.packages);
	return r;
}

static int read_file(const json_t *o, struct lock *l, struct err *err)
{
	struct lock_file f = { 0 };
	const struct text_field texts[] = {
		{ "name", &f.name }, { "version", &f.version }, { "arch", &f.arch },
		{ "url", &f.url },   { "sha256", &f.sha256 },
	};
	int r = read_texts(o, texts, ARRAY_SIZE(texts), err);

	return r >= 0 && lock_add_file(l, &f) < 0 ? err_nomem(err) : r;
}

static int read_platform(const json_t *o, struct lock_platform *p, struct err *err)
{
	struct lock_platform found = { 0 };
	const struct text_field texts[] = { { "arch", &found.arch }, { "sha256", &found.sha256 } };
	int r = read_texts(o, texts, ARRAY_SIZE(texts), err);

	if (r >= 0)
		r = jget_u64(o, "size", &p->size_bytes, err);
	if (r < 0)
		return r;
	p->arch = strdup(found.arch);
	p->sha256 = strdup(found.sha256);
	return p->arch && p->sha256 ? 0 : err_nomem(err);
}

static int read_platforms(const json_t *list, struct lock_image *image, struct err *err)
{
	int r = 0;

	image->platforms = calloc(json_array_size(list) + 1, sizeof(*image->platforms));
	if (!image->platforms)
		return err_nomem(err);
	for (size_t i = 0; i < json_array_size(list) && r >= 0; i++)
		r = read_platform(json_array_get(list, i),
				  &image->platforms[image->platforms_len++], err);
	return r;
}

static int read_image(const json_t *o, struct lock *l, struct err *err)
{
	struct lock_image found = { 0 }, image = { 0 };
	const struct text_field texts[] = { { "name", &found.name }, { "sha256", &found.sha256 } };
	json_t *platforms;
	int r = read_texts(o, texts, ARRAY_SIZE(texts), err);

	if (r >= 0)
		r = jget_u64(o, "size", &image.size_bytes, err);
	if (r >= 0)
		r = jget_arr(o, "platforms", &platforms, err);
	if (r < 0)
		return r;
	image.name = strdup(found.name);
	image.sha256 = strdup(found.sha256);
	r = image.name && image.sha256 ? read_platforms(platforms, &image, err) : err_nomem(err);
	if (r >= 0 && lock_add_image(l, &image) < 0)
		r = err_nomem(err);
	if (r < 0)
		r = err_wrapf(err, r, "image '%s'", found.name);
	lock_image_done(&image);
	return r;
}

typedef int read_fn(const json_t *o, struct lock *l, struct err *err);

static int read_each(const json_t *root, const char *key, read_fn *fn, struct lock *l,
		     struct err *err)
{
	json_t *list, *item;
	size_t i;
	int r;

	r = jget_arr(root, key, &list, err);
	if (r < 0)
		return r;
	json_array_foreach (list, i, item) {
		r = fn(item, l, err);
		if (r < 0)
			return err_wrapf(err, r, "%s[%zu]", key, i);
	}
	return 0;
}

static int read_mirrors(const json_t *root, struct lock *l, struct err *err)
{
	const char *mirror = NULL, *security = NULL;
	int r = jget_str_opt(root, "mirror", &mirror, err);

	if (r >= 0)
		r = jget_str_opt(root, "security_mirror", &security, err);
	if (r >= 0 && lock_set_mirrors(l, mirror, security) < 0)
		r = err_nomem(err);
	return r;
}

static int parse(const char *text, size_t len, struct lock *l, struct err *err)
{
	cleanup_json json_t *root = NULL;
	uint32_t schema = 0;
	int r;

	r = js_read(text, len, &root, err);
	if (r >= 0)
		r = jget_u32(root, "kiln_lock", &schema, err);
	if (r >= 0 && schema != LOCK_SCHEMA)
		r = err_setf(err, -EINVAL, "it is of version %u, this kiln reads %d", schema,
			     LOCK_SCHEMA);
	if (r >= 0)
		r = read_mirrors(root, l, err);
	if (r >= 0)
		r = read_each(root, "packages", read_package, l, err);
	if (r >= 0)
		r = read_each(root, "sets", read_set, l, err);
	if (r >= 0)
		r = read_each(root, "files", read_file, l, err);
	return r >= 0 && js_at(root, "images") ? read_each(root, "images", read_image, l, err) : r;
}

int lock_load(const struct cluster *c, struct lock *ret, struct err *err)
{
	cleanup_free char *path = lock_path(c), *text = NULL;
	cleanup_lock struct lock l = { 0 };
	size_t len;
	int r;

	if (!path)
		return err_nomem(err);
	r = file_read_at(AT_FDCWD, path, LOCK_MAX, &text, &len, err);
	if (r == -ENOENT)
		return err_setf(err, r, "there is no '%s' yet; 'kiln update' makes it", path);
	if (r >= 0)
		r = parse(text, len, &l, err);
	if (r < 0)
		return err_wrapf(err, r, "lock '%s'", path);
	*ret = l;
	l = (struct lock){ 0 };
	return 0;
}

static void put_list(struct buf *b, const char *key, const struct string_list *l)
{
	(void)buf_addf(b, "    \"%s\": [", key);
	for (size_t i = 0; i < l->len; i++)
		(void)buf_addf(b, "%s\n      \"%s\"", i ? "," : "", l->items[i]);
	(void)buf_adds(b, "\n    ]");
}

static void put_images(struct buf *b, const struct lock *l)
{
	(void)buf_adds(b, "\n  ],\n  \"images\": [");
	for (size_t i = 0; i < l->images_len; i++) {
		const struct lock_image *m = &l->images[i];

		(void)buf_addf(b,
			       "%s\n    {\"name\": \"%s\", \"sha256\": \"%s\", \"size\": %llu, "
			       "\"platforms\": [",
			       i ? "," : "", m->name, m->sha256, (unsigned long long)m->size_bytes);
		for (size_t k = 0; k < m->platforms_len; k++)
			(void)buf_addf(b,
				       "%s\n      {\"arch\": \"%s\", \"sha256\": \"%s\", \"size\": "
				       "%llu}",
				       k ? "," : "", m->platforms[k].arch, m->platforms[k].sha256,
				       (unsigned long long)m->platforms[k].size_bytes);
		(void)buf_adds(b, "]}");
	}
}

/* No value here holds a character that JSON escapes: names, versions, URLs and digests. */
static void put_all(struct buf *b, const struct lock *l)
{
	(void)buf_addf(b, "{\n  \"kiln_lock\": %d,\n", LOCK_SCHEMA);
	if (l->mirror)
		(void)buf_addf(b, "  \"mirror\": \"%s\",\n", l->mirror);
	if (l->security_mirror)
		(void)buf_addf(b, "  \"security_mirror\": \"%s\",\n", l->security_mirror);
	(void)buf_adds(b, "  \"files\": [");
	for (size_t i = 0; i < l->files_len; i++) {
		const struct lock_file *f = &l->files[i];

		(void)buf_addf(b,
			       "%s\n    {\"name\": \"%s\", \"version\": \"%s\", \"arch\": \"%s\", "
			       "\"sha256\": \"%s\", \"url\": \"%s\"}",
			       i ? "," : "", f->name, f->version, f->arch, f->sha256, f->url);
	}
	put_images(b, l);
	(void)buf_adds(b, "\n  ],\n  \"packages\": [");
	for (size_t i = 0; i < l->packages_len; i++) {
		const struct lock_package *p = &l->packages[i];

		(void)buf_addf(b,
			       "%s\n    {\"name\": \"%s\", \"version\": \"%s\", \"arch\": \"%s\", "
			       "\"size\": %llu, \"sha256\": \"%s\", \"url\": \"%s\"}",
			       i ? "," : "", p->name, p->version, p->arch,
			       (unsigned long long)p->size_bytes, p->sha256, p->url);
	}
	(void)buf_adds(b, "\n  ],\n  \"sets\": [");
	for (size_t i = 0; i < l->sets_len; i++) {
		const struct lock_set *s = &l->sets[i];

		(void)buf_addf(b, "%s\n    {\"board\": \"%s\", \"arch\": \"%s\",\n", i ? "," : "",
			       s->board, s->arch);
		put_list(b, "names", &s->names);
		(void)buf_adds(b, ",\n");
		put_list(b, "packages", &s->packages);
		(void)buf_adds(b, "}");
	}
	(void)buf_adds(b, "\n  ]\n}\n");
}

int lock_save(const struct cluster *c, const struct lock *l, struct err *err)
{
	cleanup_buf struct buf b = BUF_INIT(LOCK_MAX);
	cleanup_free char *path = lock_path(c);
	cleanup_lock struct lock check = { 0 };
	int r;

	put_all(&b, l);
	if (!path || buf_error(&b) < 0)
		return err_nomem(err);
	r = parse(buf_str(&b), b.len, &check, err); /* what cannot be read back is never written */
	if (r >= 0)
		r = file_replace_at(AT_FDCWD, path, buf_str(&b), b.len, 0644, err);
	return r < 0 ? err_wrapf(err, r, "lock '%s'", path) : 0;
}
