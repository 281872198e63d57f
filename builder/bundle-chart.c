/* bundle-chart - charts rendered by helm, cached by the digest of all that goes in */
#include "bundle-input.h"
#include "bundle-source.h"
#include "cache.h"
#include "chart-archive.h"
#include "digest.h"
#include "facts.h"
#include "file.h"
#include "kval-write.h"
#include "log.h"
#include "spawn.h"
#include "tempfile.h"
#include "tree.h"
#include "yaml-json.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#define RENDER_TIMEOUT_MS 120000
#define RENDER_MAX ((size_t)128 << 20)
#define VALUES_MAX ((size_t)4 << 20)
#define API_VERSIONS_MAX 512

int bundle_chart_values(struct bundle_model *m, struct bundle_part *p,
			const struct component_source *s, struct buf *out, struct err *err)
{
	cleanup_yaml_docs struct yaml_docs docs = { 0 };
	cleanup_free char *path = NULL, *text = NULL;
	struct kval *v;
	char *kept;
	size_t len;
	int r;

	if (!s->values)
		return buf_adds(out, "{}");
	if (asprintf(&path, "%s/%s", p->def.dir, s->values) < 0)
		return err_nomem(err);
	kept = kval_strndup(&m->pool, path, strlen(path));
	if (!kept)
		return err_nomem(err);
	r = file_read_at(AT_FDCWD, kept, VALUES_MAX, &text, &len, err);
	if (r == 0)
		r = yaml_docs_read(&m->pool, kept, text, len, &docs, err);
	if (r < 0)
		return r;
	if (docs.len == 0)
		return buf_adds(out, "{}");
	if (docs.len > 1 || docs.items[0].root->type != KVAL_MAP)
		return err_setf(err, -EINVAL, "%s:1:1: values are one document, a map", kept);
	v = kval_copy(&m->pool, docs.items[0].root);
	r = v ? facts_expand(&m->pool, p->facts, kept, v, err) : err_nomem(err);
	if (r < 0)
		return r;
	return kval_write_json(v, out) < 0 ? err_nomem(err) : 0;
}

/* The chart: a folder or archive of the component, or an archive in the cache. */
static int chart_path(struct bundle_model *m, struct bundle_part *p,
		      const struct component_source *s, char **ret, struct err *err)
{
	cleanup_free char *name = NULL;
	int r;

	if (s->chart_path)
		return asprintf(ret, "%s%s%s", s->chart_path[0] == '/' ? "" : p->def.dir,
				s->chart_path[0] == '/' ? "" : "/", s->chart_path) < 0
			       ? err_nomem(err)
			       : 0;
	name = bundle_input_chart(s);
	if (!name)
		return err_nomem(err);
	r = bundle_input_find(m, name, s->version, s->sha256, ret, err);
	return r < 0 ? err_wrapf(err, r, "%s:%u:1: chart '%s' %s", p->def.file, s->line, s->chart,
				 s->version)
		     : 0;
}

static int digest_entry(void *arg, const struct tree_entry *e, struct err *err)
{
	struct sha256 *sum = arg;
	char hex[SHA256_HEX_MAX];
	int r = 0;

	sha256_update(sum, e->path, strlen(e->path) + 1);
	if (S_ISREG(e->st->st_mode)) {
		r = sha256_file_at(e->dir_fd, e->name, hex, err);
		if (r == 0)
			sha256_update(sum, hex, sizeof(hex));
	}
	return r;
}

static int digest_chart(const char *path, struct sha256 *sum, struct err *err)
{
	char hex[SHA256_HEX_MAX];
	struct stat st;
	int r;

	if (stat(path, &st) < 0)
		return err_errnof(err, -errno, "cannot find the chart '%s'", path);
	if (S_ISDIR(st.st_mode))
		return tree_walk_at(AT_FDCWD, path, digest_entry, sum, err);
	r = sha256_file_at(AT_FDCWD, path, hex, err);
	if (r == 0)
		sha256_update(sum, hex, sizeof(hex));
	return r;
}

/* "group/version/Kind" of every CRD so far: what charts ask .Capabilities for. */
static size_t api_versions(struct bundle_model *m, const char *argv[], size_t n)
{
	for (size_t i = 0; i < m->kinds_len; i++) {
		const struct bundle_kind *k = &m->kinds[i];
		const struct kval *versions = kval_path(k->crd, "spec.versions");

		for (size_t j = 0;
		     j < (versions ? versions->items_len : 1) && n + 4 < API_VERSIONS_MAX; j++) {
			const char *version =
				versions ? kval_path_str(versions->items[j], "name") : k->version;
			char text[512];
			int len;

			if (!version)
				continue;
			len = snprintf(text, sizeof(text), "%s/%s/%s", k->group, version, k->kind);
			argv[n] = "--api-versions";
			argv[n + 1] = kval_strndup(&m->pool, text, (size_t)len);
			if (!argv[n + 1])
				return n;
			n += 2;
		}
	}
	return n;
}

static int run_helm(const char *const *argv, const char *home, char **ret, size_t *ret_len,
		    struct err *err)
{
	cleanup_free char *config = NULL, *cache = NULL, *data = NULL;
	cleanup_spawn struct spawn s = { .argv = argv,
					 .out_max = RENDER_MAX,
					 .timeout_ms = RENDER_TIMEOUT_MS };
	int r;

	/* none of the user's plugins, repositories or settings: equal inputs, equal bytes */
	if (asprintf(&config, "HELM_CONFIG_HOME=%s/config", home) < 0 ||
	    asprintf(&cache, "HELM_CACHE_HOME=%s/cache", home) < 0 ||
	    asprintf(&data, "HELM_DATA_HOME=%s/data", home) < 0)
		return err_nomem(err);
	s.env_add = (const char *const[]){ config, cache, data, "HELM_DEBUG=false", NULL };
	r = spawn_run(&s, err);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(s.out);
	*ret_len = s.out_len;
	return 0;
}

static int find_helm(char **ret, struct err *err)
{
	const char *name = getenv("KILN_HELM");
	int r = spawn_find(name && *name ? name : "helm", ret, err);

	return r < 0 ? err_wrapf(err, r, "charts need helm (in PATH, or named by KILN_HELM)") : r;
}

static int helm(const char *helm_path, const struct bundle_model *m,
		const struct component_source *s, const char *chart, const struct buf *values,
		const char **argv, char **ret, size_t *ret_len, struct err *err)
{
	cleanup_tempfile struct tempfile *dir = NULL;
	cleanup_free char *file = NULL, *inside = NULL;
	int r = tempfile_new_dir(NULL, "kiln-helm-", &dir, err);

	if (r < 0)
		return r;
	if (asprintf(&file, "%s/values.json", dir->path) < 0)
		return err_nomem(err);
	r = file_replace_at(AT_FDCWD, file, buf_str(values), values->len, 0600, err);
	if (r < 0)
		return r;
	if (s->archive) {
		r = asprintf(&inside, "%s/chart", dir->path) < 0
			    ? err_nomem(err)
			    : chart_archive_unpack(chart, s->folder, inside, s->version, err);
		if (r < 0)
			return r;
	}
	argv[0] = helm_path;
	argv[1] = "template";
	argv[2] = s->release;
	argv[3] = inside ?: chart;
	argv[4] = "--namespace";
	argv[5] = s->namespace;
	argv[6] = "--include-crds";
	argv[7] = "--kube-version";
	argv[8] = m->kubernetes;
	argv[9] = "--values";
	argv[10] = file;
	return run_helm(argv, dir->path, ret, ret_len, err);
}

int bundle_chart_render(struct bundle_model *m, struct bundle_part *p,
			const struct component_source *s, char **ret, size_t *ret_len,
			struct err *err)
{
	cleanup_free char *chart = NULL, *program = NULL, *cached = NULL, *text = NULL;
	cleanup_buf struct buf values = BUF_INIT(VALUES_MAX);
	const char *argv[API_VERSIONS_MAX] = { NULL };
	char hex[SHA256_HEX_MAX], rel[80];
	struct sha256 sum;
	size_t n, len = 0;
	int r;

	r = bundle_chart_values(m, p, s, &values, err);
	if (r == 0)
		r = chart_path(m, p, s, &chart, err);
	if (r < 0)
		return r;
	sha256_init(&sum);
	r = digest_chart(chart, &sum, err);
	if (r < 0)
		return r;
	if (s->folder)
		sha256_update(&sum, s->folder, strlen(s->folder) + 1);
	n = api_versions(m, argv, 11);
	for (size_t i = 11; i < n; i++)
		sha256_update(&sum, argv[i], strlen(argv[i]) + 1);
	sha256_update(&sum, values.data, values.len + 1);
	for (size_t i = 0; i < 4; i++) {
		const char *part = (const char *const[]){ s->release, s->namespace, m->kubernetes,
							  s->version }[i];

		sha256_update(&sum, part, strlen(part) + 1);
	}
	(void)snprintf(rel, sizeof(rel), "render/%s.yaml", sha256_final_hex(&sum, hex));
	r = cache_path(rel, &cached, err);
	if (r < 0)
		return r;
	r = file_read_at(AT_FDCWD, cached, RENDER_MAX, ret, ret_len, err);
	if (r != -ENOENT)
		return r;
	log_debugf("rendering chart '%s'", chart);
	r = find_helm(&program, err);
	if (r == 0)
		r = helm(program, m, s, chart, &values, argv, &text, &len, err);
	if (r < 0)
		return err_wrapf(err, r, "chart '%s' %s", s->chart, s->version);
	r = file_replace_at(AT_FDCWD, cached, text, len, 0644, err);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(text);
	*ret_len = len;
	return 0;
}
