#include "component-def.h"

#include "buf.h"
#include "file.h"
#include "yaml-json.h"

#include <fcntl.h>
#include <string.h>

#define DEF_MAX ((size_t)1 << 20)

int component_def_fail(const struct component_def *d, const struct kval *at, struct err *err,
		       const char *fmt, ...)
{
	cleanup_buf struct buf b = BUF_INIT(ERR_TEXT_MAX);
	va_list ap;

	va_start(ap, fmt);
	(void)buf_vaddf(&b, fmt, ap);
	va_end(ap);
	return err_setf(err, -EINVAL, "%s:%u:%u: %s", d->file, at ? at->line : 1, at ? at->col : 1,
			buf_str(&b));
}

/* What a key may hold; LIST_OF_* are checked item by item. */
enum want { TEXT, MAP, LIST, TEXTS, MAPS, NUMBER, BOOLEAN };
struct key_rule {
	const char *key;
	enum want want;
	bool required;
};
static const char *const want_words[] = { "a text",	     "a map",	       "a list",
					  "a list of texts", "a list of maps", "a whole number",
					  "true or false" };

static bool fits(const struct kval *v, enum want want)
{
	static const enum kval_type types[] = { KVAL_STRING, KVAL_MAP, KVAL_LIST, KVAL_LIST,
						KVAL_LIST,   KVAL_INT, KVAL_BOOL };

	if (v->type != types[want])
		return false;
	for (size_t i = 0; (want == TEXTS || want == MAPS) && i < v->items_len; i++)
		if (v->items[i]->type != (want == TEXTS ? KVAL_STRING : KVAL_MAP))
			return false;
	return true;
}

static int check_keys(const struct component_def *d, const struct kval *map,
		      const struct key_rule *rules, struct err *err)
{
	for (size_t i = 0; i < map->pairs_len; i++) {
		const struct kval_pair *p = &map->pairs[i];
		const struct key_rule *k = rules;

		while (k->key && strcmp(k->key, p->key->text) != 0)
			k++;
		if (!k->key)
			return component_def_fail(d, p->key, err, "unknown key '%s'", p->key->text);
		if (!fits(p->value, k->want))
			return component_def_fail(d, p->value, err, "'%s' must be %s", k->key,
						  want_words[k->want]);
	}
	for (const struct key_rule *k = rules; k->key; k++)
		if (k->required && !kval_get(map, k->key))
			return component_def_fail(d, map, err, "key '%s' is missing", k->key);
	return 0;
}

static int check_list(const struct component_def *d, const struct kval *list,
		      const struct key_rule *rules, struct err *err)
{
	int r = 0;

	for (size_t i = 0; list && i < list->items_len && r == 0; i++)
		r = check_keys(d, list->items[i], rules, err);
	return r;
}

static const struct key_rule top_keys[] = {
	{ "kiln", NUMBER, true },     { "description", TEXT, true },
	{ "namespace", TEXT, true },  { "namespace_labels", MAP, false },
	{ "sources", MAPS, false },   { "before", LIST, false },
	{ "later", LIST, false },     { "after", TEXTS, false },
	{ "after_if", TEXTS, false }, { "skip", MAPS, false },
	{ "objects", MAPS, false },   { "gates", MAPS, false },
	{ "images", TEXTS, false },   { "kinds", MAPS, false },
	{ "provides", TEXTS, false }, { 0 },
};
static const struct key_rule source_keys[] = {
	{ "chart", MAP, false },      { "values", TEXT, false },    { "manifests", TEXTS, false },
	{ "expand", BOOLEAN, false }, { "namespace", TEXT, false }, { 0 },
};
static const struct key_rule chart_keys[] = {
	{ "name", TEXT, true },	   { "repository", TEXT, false }, { "version", TEXT, true },
	{ "sha256", TEXT, false }, { "path", TEXT, false },	  { "archive", TEXT, false },
	{ "folder", TEXT, false }, { "release", TEXT, false },	  { 0 },
};
static const struct key_rule skip_keys[] = { { "kind", TEXT, true },
					     { "name", TEXT, true },
					     { 0 } };
static const struct key_rule object_keys[] = {
	{ "kind", TEXT, true },
	{ "name", TEXT, true },
	{ "gate", TEXT, false },
	{ "wave", NUMBER, false },
	{ 0 },
};
static const struct key_rule gate_keys[] = {
	{ "name", TEXT, true }, { "hard", BOOLEAN, false }, { "timeout", TEXT, false },
	{ "args", MAP, false }, { "when", TEXT, false },    { 0 },
};
static const struct key_rule kind_keys[] = {
	{ "group", TEXT, true },  { "version", TEXT, true },	   { "kind", TEXT, true },
	{ "plural", TEXT, true }, { "namespaced", BOOLEAN, true }, { 0 },
};
static const struct key_rule extra_keys[] = { { "file", TEXT, true },
					      { "when", TEXT, false },
					      { 0 } };

static int load_source(const struct component_def *d, const struct kval *v,
		       struct component_source *s, struct err *err)
{
	const struct kval *chart = kval_get(v, "chart");
	int r = check_keys(d, v, source_keys, err);

	if (r == 0 && chart)
		r = check_keys(d, chart, chart_keys, err);
	if (r < 0)
		return r;
	if (!chart == !kval_get(v, "manifests"))
		return component_def_fail(d, v, err, "a source has either 'chart' or 'manifests'");
	*s = (struct component_source){
		.chart = kval_path_str(chart, "name"),
		.repository = kval_path_str(chart, "repository"),
		.version = kval_path_str(chart, "version"),
		.sha256 = kval_path_str(chart, "sha256"),
		.chart_path = kval_path_str(chart, "path"),
		.archive = kval_path_str(chart, "archive"),
		.folder = kval_path_str(chart, "folder"),
		.release = kval_path_str(chart, "release"),
		.values = kval_path_str(v, "values"),
		.manifests = kval_get(v, "manifests"),
		.expand = kval_true(kval_get(v, "expand")),
		.namespace = kval_path_str(v, "namespace"),
		.line = v->line,
	};
	if (chart && !!s->repository + !!s->chart_path + !!s->archive != 1)
		return component_def_fail(d, chart, err,
					  "a chart has either 'repository', 'path' or 'archive'");
	if (chart && !s->archive != !s->folder)
		return component_def_fail(
			d, chart, err,
			"'archive' and 'folder' belong together: the URL of a tar and "
			"the chart's folder in it");
	if (s->sha256 && (strlen(s->sha256) != 64 || strspn(s->sha256, "0123456789abcdef") != 64))
		return component_def_fail(d, kval_get(chart, "sha256"), err,
					  "'sha256' must be 64 hex digits");
	if (!s->release)
		s->release = s->chart;
	if (!s->namespace)
		s->namespace = d->namespace;
	return 0;
}

static int load_extras(struct kval_pool *pool, const struct component_def *d,
		       const struct kval *list, struct component_extras *ret, struct err *err)
{
	int r;

	if (!list || list->items_len == 0)
		return 0;
	ret->items = kval_alloc(pool, list->items_len * sizeof(*ret->items));
	if (!ret->items)
		return err_nomem(err);
	for (size_t i = 0; i < list->items_len; i++) {
		const struct kval *v = list->items[i];

		if (v->type == KVAL_STRING) {
			ret->items[ret->len++] = (struct component_extra){ v->text, NULL };
			continue;
		}
		if (v->type != KVAL_MAP)
			return component_def_fail(d, v, err,
						  "must be a file's name, or {file, when}");
		r = check_keys(d, v, extra_keys, err);
		if (r < 0)
			return r;
		ret->items[ret->len++] = (struct component_extra){ kval_path_str(v, "file"),
								   kval_path_str(v, "when") };
	}
	return 0;
}

static int load_body(struct kval_pool *pool, const struct kval *root, struct component_def *d,
		     struct err *err)
{
	const struct kval *sources = kval_get(root, "sources");
	int64_t version;
	int r = check_keys(d, root, top_keys, err);

	if (r < 0)
		return r;
	if (!kval_to_i64(kval_get(root, "kiln"), &version) || version != 1)
		return component_def_fail(d, kval_get(root, "kiln"), err, "'kiln' must be 1");
	d->namespace = kval_path_str(root, "namespace");
	d->namespace_labels = kval_get(root, "namespace_labels");
	d->after = kval_get(root, "after");
	d->after_if = kval_get(root, "after_if");
	d->skip = kval_get(root, "skip");
	d->objects = kval_get(root, "objects");
	d->gates = kval_get(root, "gates");
	d->images = kval_get(root, "images");
	d->kinds = kval_get(root, "kinds");
	r = check_list(d, d->skip, skip_keys, err);
	if (r == 0)
		r = check_list(d, d->objects, object_keys, err);
	if (r == 0)
		r = check_list(d, d->gates, gate_keys, err);
	if (r == 0)
		r = check_list(d, d->kinds, kind_keys, err);
	if (r == 0)
		r = load_extras(pool, d, kval_get(root, "before"), &d->before, err);
	if (r == 0)
		r = load_extras(pool, d, kval_get(root, "later"), &d->later, err);
	if (r < 0 || !sources)
		return r;
	d->sources = kval_alloc(pool, (sources->items_len + 1) * sizeof(*d->sources));
	if (!d->sources)
		return err_nomem(err);
	for (; d->sources_len < sources->items_len && r == 0; d->sources_len++)
		r = load_source(d, sources->items[d->sources_len], &d->sources[d->sources_len],
				err);
	return r;
}

int component_def_load(struct kval_pool *pool, const char *name, const char *dir,
		       struct component_def *ret, struct err *err)
{
	cleanup_yaml_docs struct yaml_docs docs = { 0 };
	cleanup_free char *text = NULL;
	struct component_def d = { 0 };
	char *file;
	size_t len;
	int r;

	d.name = kval_strndup(pool, name, strlen(name));
	d.dir = kval_strndup(pool, dir, strlen(dir));
	d.file = file = kval_alloc(pool, strlen(dir) + sizeof("/component.yaml"));
	if (!d.name || !d.dir || !file)
		return err_nomem(err);
	(void)stpcpy(stpcpy(file, dir), "/component.yaml");
	r = file_read_at(AT_FDCWD, d.file, DEF_MAX, &text, &len, err);
	if (r < 0)
		return err_wrapf(err, r, "component '%s'", name);
	r = yaml_docs_read(pool, d.file, text, len, &docs, err);
	if (r < 0)
		return r;
	if (docs.len != 1 || docs.items[0].root->type != KVAL_MAP)
		return err_setf(err, -EINVAL, "%s:1:1: must be one document, a map", d.file);
	r = load_body(pool, docs.items[0].root, &d, err);
	if (r == 0)
		*ret = d;
	return r;
}
