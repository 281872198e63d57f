/* kiln bundle diff - what a new bundle would change against the last baked one */
#include "bundle-reader.h"
#include "bundle.h"
#include "cluster-open.h"
#include "cmd-bundle.h"
#include "commands.h"
#include "kval-write.h"
#include "options.h"
#include "yaml-json.h"

#include <fcntl.h>
#include <string.h>

struct side {
	const struct bundle_reader *reader;
	const struct bundle_index *index;
};

static const struct bundle_component *find_component(const struct bundle_index *x, const char *name)
{
	for (size_t i = 0; i < x->components.len; i++)
		if (strcmp(x->components.items[i].name, name) == 0)
			return &x->components.items[i];
	return NULL;
}

static bool same_name(const char *a, const char *b)
{
	return (!a && !b) || (a && b && strcmp(a, b) == 0);
}

static const struct bundle_object *find_object(const struct bundle_component *c,
					       const struct bundle_object *o)
{
	for (size_t i = 0; c && i < c->objects.len; i++) {
		const struct bundle_object *x = &c->objects.items[i];

		if (strcmp(x->kind, o->kind) == 0 && strcmp(x->group, o->group) == 0 &&
		    strcmp(x->name, o->name) == 0 && same_name(x->namespace, o->namespace))
			return x;
	}
	return NULL;
}

struct walk {
	char path[1024];
	size_t len;
	bool hidden;
	FILE *out;
};

static void print_value(struct walk *w, char sign, const struct kval *v)
{
	cleanup_buf struct buf b = BUF_INIT(16 << 20);

	if (w->hidden || kval_write_json(v, &b) < 0)
		(void)buf_adds((buf_clear(&b), &b), "<hidden>");
	fprintf(w->out, "    %c %s: %.*s%s\n", sign, w->path, (int)(b.len > 300 ? 300 : b.len),
		buf_str(&b), b.len > 300 ? "..." : "");
}

static void walk_diff(struct walk *w, const struct kval *a, const struct kval *b);

static void step(struct walk *w, const char *key, const struct kval *a, const struct kval *b)
{
	size_t len = w->len;

	if (len < sizeof(w->path) - 1)
		len += (size_t)snprintf(w->path + len, sizeof(w->path) - len, "%s%s",
					len > 0 ? "." : "", key);
	if (len >= sizeof(w->path))
		len = sizeof(w->path) - 1;
	size_t old = w->len;

	w->len = len;
	walk_diff(w, a, b);
	w->len = old;
	w->path[old] = '\0';
}

static void walk_maps(struct walk *w, const struct kval *a, const struct kval *b)
{
	for (size_t i = 0; i < a->pairs_len; i++)
		step(w, a->pairs[i].key->text, a->pairs[i].value,
		     kval_get(b, a->pairs[i].key->text));
	for (size_t i = 0; i < b->pairs_len; i++)
		if (!kval_pair(a, b->pairs[i].key->text))
			step(w, b->pairs[i].key->text, NULL, b->pairs[i].value);
}

static void walk_diff(struct walk *w, const struct kval *a, const struct kval *b)
{
	char index[24];

	if (a && b && kval_equal(a, b))
		return;
	if (kval_is(a, KVAL_MAP) && kval_is(b, KVAL_MAP)) {
		walk_maps(w, a, b);
		return;
	}
	if (kval_is(a, KVAL_LIST) && kval_is(b, KVAL_LIST)) {
		for (size_t i = 0; i < a->items_len || i < b->items_len; i++) {
			(void)snprintf(index, sizeof(index), "%zu", i);
			step(w, index, i < a->items_len ? a->items[i] : NULL,
			     i < b->items_len ? b->items[i] : NULL);
		}
		return;
	}
	if (a)
		print_value(w, '-', a);
	if (b)
		print_value(w, '+', b);
}

static int read_value(struct kval_pool *pool, const struct bundle_reader *r,
		      const struct bundle_object *o, struct kval **ret, struct err *err)
{
	cleanup_yaml_docs struct yaml_docs docs = { 0 };
	cleanup_free char *text = NULL;
	size_t len;
	int k = bundle_reader_object(r, o, &text, &len, err);

	if (k == 0)
		k = yaml_docs_read(pool, o->name, text, len, &docs, err);
	if (text)
		explicit_bzero(text, len);
	if (k == 0)
		*ret = docs.items[0].root;
	return k;
}

static void title(const struct bundle_component *c, const struct bundle_object *o, char sign,
		  FILE *out)
{
	fprintf(out, "%c %s: %s %s%s%s\n", sign, c->name, o->kind, o->namespace ? o->namespace : "",
		o->namespace ? "/" : "", o->name);
}

static int diff_object(const struct side *was, const struct side *now,
		       const struct bundle_component *c, const struct bundle_object *a,
		       const struct bundle_object *b, FILE *out, struct err *err)
{
	cleanup_kval_pool struct kval_pool pool = { 0 };
	struct walk w = { .hidden = a->secret || b->secret, .out = out };
	struct kval *x, *y;
	int r = read_value(&pool, was->reader, a, &x, err);

	if (r == 0)
		r = read_value(&pool, now->reader, b, &y, err);
	if (r < 0)
		return r;
	title(c, b, '~', out);
	walk_diff(&w, x, y);
	return 0;
}

static int diff_sides(const struct side *was, const struct side *now, size_t count[3], FILE *out,
		      struct err *err)
{
	int r = 0;

	for (size_t i = 0; i < now->index->components.len; i++) {
		const struct bundle_component *c = &now->index->components.items[i];
		const struct bundle_component *old = find_component(was->index, c->name);

		for (size_t k = 0; k < c->objects.len && r == 0; k++) {
			const struct bundle_object *o = &c->objects.items[k],
						   *before = find_object(old, o);

			if (!before) {
				title(c, o, '+', out);
				count[0]++;
			} else if (strcmp(before->sha256, o->sha256) != 0) {
				r = diff_object(was, now, c, before, o, out, err);
				count[1]++;
			}
		}
	}
	for (size_t i = 0; i < was->index->components.len && r == 0; i++) {
		const struct bundle_component *c = &was->index->components.items[i];

		for (size_t k = 0; k < c->objects.len; k++) {
			if (find_object(find_component(now->index, c->name), &c->objects.items[k]))
				continue;
			title(c, &c->objects.items[k], '-', out);
			count[2]++;
		}
	}
	return r;
}

int bundle_diff(int argc, char **argv, struct err *err)
{
	cleanup_bundle_reader struct bundle_reader *was = NULL, *now = NULL;
	cleanup_bundle_result struct bundle_result result = { 0 };
	cleanup_cluster struct cluster *c = NULL;
	cleanup_free char *baked = NULL;
	static const struct option_row rows[] = { { .name = "-f", .kind = OPTION_TEXT }, { 0 } };
	const char *file = CLUSTER_FILE;
	size_t count[3] = { 0 };
	int r = options_parse(rows, argc, argv, &file, err);

	if (r == 0)
		r = cluster_open(file, &c, err);
	if (r == 0)
		r = bundle_path(c, 0, &baked, err);
	if (r != 0)
		return r;
	r = bundle_reader_open(AT_FDCWD, baked, NULL, &was, err);
	if (r == -ENOENT)
		return err_setf(err, r, "nothing was baked yet: there is no '%s'", baked);
	if (r == 0)
		r = bundle_build(c, BUNDLE_COMPARE, &result, err);
	if (r == 0)
		r = bundle_reader_open(AT_FDCWD, result.path, result.sha256, &now, err);
	if (r < 0)
		return r;
	r = diff_sides(&(struct side){ was, bundle_reader_index(was) },
		       &(struct side){ now, bundle_reader_index(now) }, count, stdout, err);
	(void)unlink(result.path);
	if (r == 0)
		printf("%zu new, %zu changed, %zu gone\n", count[0], count[1], count[2]);
	return r;
}
