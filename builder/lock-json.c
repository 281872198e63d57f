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

static int read_package(const json_t *o, struct lock *l, struct err *err)
{
	const char *name, *version, *arch, *url, *sha256;
	uint64_t size;
	int r;

	r = jget_str(o, "name", &name, err);
	if (r >= 0)
		r = jget_str(o, "version", &version, err);
	if (r >= 0)
		r = jget_str(o, "arch", &arch, err);
	if (r >= 0)
		r = jget_str(o, "url", &url, err);
	if (r >= 0)
		r = jget_str(o, "sha256", &sha256, err);
	if (r >= 0)
		r = jget_u64(o, "size", &size, err);
	if (r < 0)
		return r;
	if (strlen(sha256) != 64 || strspn(sha256, "0123456789abcdef") != 64)
		return err_setf(err, -EINVAL, "package '%s': '%s' is no SHA-256", name, sha256);
	if (lock_add_package(l, &(struct lock_package){ (char *)name, (char *)version, (char *)arch,
							(char *)url, (char *)sha256, size }) < 0)
		return err_nomem(err);
	return 0;
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
	const char *name, *version, *arch, *url, *sha256;
	int r;

	r = jget_str(o, "name", &name, err);
	if (r >= 0)
		r = jget_str(o, "version", &version, err);
	if (r >= 0)
		r = jget_str(o, "arch", &arch, err);
	if (r >= 0)
		r = jget_str(o, "url", &url, err);
	if (r >= 0)
		r = jget_str(o, "sha256", &sha256, err);
	if (r < 0)
		return r;
	if (strlen(sha256) != 64 || strspn(sha256, "0123456789abcdef") != 64)
		return err_setf(err, -EINVAL, "file '%s': '%s' is no SHA-256", name, sha256);
	if (lock_add_file(l, &(struct lock_file){ (char *)name, (char *)version, (char *)arch,
						  (char *)url, (char *)sha256 }) < 0)
		return err_nomem(err);
	return 0;
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
	return r >= 0 ? read_each(root, "files", read_file, l, err) : r;
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
