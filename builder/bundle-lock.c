#include "bundle-lock.h"

#include "bundle-input.h"
#include "cache.h"
#include "component-def.h"
#include "component-meta.h"
#include "digest.h"
#include "fetch.h"
#include "yaml-json.h"

#include <string.h>

#define INDEX_MAX ((size_t)64 << 20)

static int get(struct http *h, const char *url, struct http_request *q, struct err *err)
{
	int r;

	q->url = url;
	q->max_bytes = INDEX_MAX;
	r = http_request(h, q, err);
	if (r >= 0 && q->status != 200)
		r = err_setf(err, q->status == 404 ? -ENOENT : -EPROTO,
			     "%s: the server answered %ld", url, q->status);
	q->url = NULL;
	return r < 0 ? r : 0;
}

/* "https://x/charts" and "a-1.tgz" or "https://y/a-1.tgz" */
static char *join(const char *base, const char *name)
{
	size_t len = strlen(base);
	char *ret = NULL;

	if (strstr(name, "://"))
		return strdup(name);
	return asprintf(&ret, "%.*s/%s", (int)(len - (len > 0 && base[len - 1] == '/')), base,
			name) < 0
		       ? NULL
		       : ret;
}

static const struct kval *find_version(const struct kval *index, const char *chart,
				       const char *version)
{
	const struct kval *list = kval_get(kval_get(index, "entries"), chart);

	for (size_t i = 0; kval_is(list, KVAL_LIST) && i < list->items_len; i++) {
		const char *v = kval_path_str(list->items[i], "version");

		/* "v1.2.3" and "1.2.3" are one version to Helm */
		if (v && strcmp(v + (*v == 'v'), version + (*version == 'v')) == 0)
			return list->items[i];
	}
	return NULL;
}

static int add(struct lock *l, const char *name, const char *version, const char *url,
	       const char *sha256, struct err *err)
{
	struct lock_file f = { (char *)name, (char *)version, (char *)"all", (char *)url,
			       (char *)sha256 };

	return lock_add_file(l, &f) < 0 ? err_nomem(err) : 0;
}

/* What the index says must agree with component.yaml; the digest that holds. */
static int check_digest(const struct component_source *s, const char *index, const char *digest,
			const char **ret, struct err *err)
{
	if (digest && strncmp(digest, "sha256:", 7) == 0)
		digest += 7;
	if (s->sha256 && digest && strcmp(s->sha256, digest) != 0)
		return err_setf(err, -EBADMSG,
				"%s: chart '%s' %s has digest %s, component.yaml says %s", index,
				s->chart, s->version, digest, s->sha256);
	if (!digest && !s->sha256)
		return err_setf(err, -EBADMSG,
				"%s has no digest of chart '%s' %s; component.yaml must name it",
				index, s->chart, s->version);
	*ret = s->sha256 ?: digest;
	return 0;
}

/* The archive's URL and digest from the repository's index. */
static int look_up(struct kval_pool *pool, const struct component_source *s, struct http *h,
		   char **ret_url, const char **ret_sha256, struct err *err)
{
	cleanup_http_request struct http_request q = { 0 };
	cleanup_yaml_docs struct yaml_docs docs = { 0 };
	cleanup_free char *url = join(s->repository, "index.yaml");
	const struct kval *entry, *urls;
	int r = url ? get(h, url, &q, err) : err_nomem(err);

	if (r == 0)
		r = yaml_docs_read(pool, url, q.reply, q.reply_len, &docs, err);
	if (r < 0)
		return r;
	entry = docs.len == 1 ? find_version(docs.items[0].root, s->chart, s->version) : NULL;
	if (!entry)
		return err_setf(err, -ENOENT, "%s has no chart '%s' %s", url, s->chart, s->version);
	urls = kval_get(entry, "urls");
	if (!kval_is(urls, KVAL_LIST) || urls->items_len == 0 || !kval_str(urls->items[0]))
		return err_setf(err, -EBADMSG, "%s names no URL for chart '%s' %s", url, s->chart,
				s->version);
	r = check_digest(s, url, kval_path_str(entry, "digest"), ret_sha256, err);
	if (r < 0)
		return r;
	*ret_url = join(s->repository, kval_str(urls->items[0]));
	return *ret_url ? 0 : err_nomem(err);
}

static int lock_chart(struct kval_pool *pool, const struct component_source *s, struct http *h,
		      struct lock *l, struct err *err)
{
	cleanup_free char *name = bundle_input_chart(s), *url = NULL;
	const char *sha256 = NULL;
	int r;

	if (!name)
		return err_nomem(err);
	if (strncmp(s->repository, "oci://", 6) == 0)
		return err_setf(
			err, -EOPNOTSUPP,
			"charts of OCI registries cannot be locked yet: '%s'; put the archive into "
			"the component's folder and name it by 'path'",
			s->repository);
	r = look_up(pool, s, h, &url, &sha256, err);
	return r < 0 ? r : add(l, name, s->version, url, sha256, err);
}

/* Into the cache, whatever it is; its digest to dst. */
static int look_at(const char *url, struct http *h, char dst[SHA256_HEX_MAX], struct err *err)
{
	struct http_download d = { .url = url };
	cleanup_free char *work = NULL;
	char rel[64];
	int r;

	(void)snprintf(rel, sizeof(rel), "tmp/archive-%d", (int)getpid());
	r = cache_path(rel, &work, err);
	if (r >= 0)
		r = http_download(h, &d, work, err);
	if (r >= 0)
		r = cache_add(work, d.sha256_got, dst, NULL, err);
	if (work)
		(void)unlink(work);
	return r;
}

/* What component.yaml has no digest of is locked as it is today, as manifests are. */
static int lock_archive(const struct component_source *s, struct http *h, struct lock *l,
			struct err *err)
{
	cleanup_free char *name = bundle_input_chart(s);
	char hex[SHA256_HEX_MAX];
	int r = name ? 0 : err_nomem(err);

	if (r == 0 && !s->sha256)
		r = look_at(s->archive, h, hex, err);
	return r < 0 ? r : add(l, name, s->version, s->archive, s->sha256 ?: hex, err);
}

static int lock_manifest(const char *url, struct http *h, struct lock *l, struct err *err)
{
	cleanup_http_request struct http_request q = { 0 };
	char hex[SHA256_HEX_MAX];
	int r = get(h, url, &q, err);

	if (r < 0)
		return r;
	(void)sha256_mem_hex(q.reply, q.reply_len, hex);
	return add(l, url, "-", url, hex, err);
}

static int lock_source(struct kval_pool *pool, const struct component_source *s, struct http *h,
		       struct lock *l, struct err *err)
{
	int r = 0;

	if (s->archive)
		return lock_archive(s, h, l, err);
	if (s->chart)
		return s->repository ? lock_chart(pool, s, h, l, err) : 0;
	for (size_t i = 0; i < s->manifests->items_len && r == 0; i++)
		if (strstr(s->manifests->items[i]->text, "://"))
			r = lock_manifest(s->manifests->items[i]->text, h, l, err);
	return r;
}

static int lock_sources(const struct cluster *c, struct http *h, struct lock *l, struct err *err)
{
	for (size_t i = 0; i < c->components_len; i++) {
		cleanup_kval_pool struct kval_pool pool = { 0 };
		cleanup_free char *dir = NULL;
		struct component_def d = { 0 };
		int r = component_dir(c, &c->components[i], &dir, err);

		if (r == 0)
			r = component_def_load(&pool, c->components[i].name, dir, &d, err);
		for (size_t k = 0; k < d.sources_len && r == 0; k++)
			r = lock_source(&pool, &d.sources[k], h, l, err);
		if (r < 0)
			return err_wrapf(err, r, "component '%s'", c->components[i].name);
	}
	return 0;
}

static int bring(struct lock *l, struct http *h, struct err *err)
{
	int r = 0;

	for (size_t i = 0; i < l->files_len && r >= 0; i++) {
		cleanup_free char *path = NULL;

		if (strcmp(l->files[i].arch, "all") == 0)
			r = fetch_file(&l->files[i], h, &path, err);
	}
	return r;
}

int bundle_lock(const struct cluster *c, struct lock *l, struct phases *p, struct err *err)
{
	cleanup_http struct http *h = NULL;
	int r = http_new(&h, err);

	if (r < 0)
		return r;
	phase_begin(p, "charts and manifests of %zu components", c->components_len);
	r = lock_sources(c, h, l, err);
	if (r >= 0)
		r = bring(l, h, err);
	if (r >= 0)
		phase_end(p, NULL);
	return r;
}
