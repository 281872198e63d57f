#include "bundle-source.h"

#include "bundle-input.h"
#include "facts.h"
#include "file.h"
#include "tree.h"
#include "yaml-json.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

int bundle_text_add(struct bundle_model *m, struct bundle_part *p, const char *file,
		    const char *text, size_t len, const char *namespace, bool expand,
		    struct err *err)
{
	cleanup_yaml_docs struct yaml_docs docs = { 0 };
	const char *kept = kval_strndup(&m->pool, file, strlen(file));
	int r;

	if (!kept)
		return err_nomem(err);
	r = yaml_docs_read(&m->pool, kept, text, len, &docs, err);
	for (size_t i = 0; i < docs.len && r == 0; i++) {
		struct kval *v = docs.items[i].root;

		if (expand) {
			v = kval_copy(&m->pool,
				      v); /* aliases share values, and expanding changes them */
			r = v ? facts_expand(&m->pool, p->facts, kept, v, err) : err_nomem(err);
		}
		if (r == 0)
			r = bundle_add(m, p, v, kept, namespace, err);
	}
	return r;
}

static char *below(const struct component_def *d, const char *name)
{
	char *path = NULL;

	if (name[0] == '/')
		return strdup(name);
	return asprintf(&path, "%s/%s", d->dir, name) < 0 ? NULL : path;
}

static int read_file(struct bundle_model *m, struct bundle_part *p, const char *path,
		     const char *namespace, bool expand, struct err *err)
{
	cleanup_free char *text = NULL;
	size_t len;
	int r = file_read_at(AT_FDCWD, path, YAML_FILE_MAX, &text, &len, err);

	return r < 0 ? r : bundle_text_add(m, p, path, text, len, namespace, expand, err);
}

static bool is_manifest(const char *name)
{
	const char *dot = strrchr(name, '.');

	return name[0] != '.' && dot &&
	       (strcmp(dot, ".yaml") == 0 || strcmp(dot, ".yml") == 0 || strcmp(dot, ".json") == 0);
}

static int read_folder(struct bundle_model *m, struct bundle_part *p, const char *path,
		       const struct component_source *s, struct err *err)
{
	cleanup_name_list struct name_list names = { 0 };
	size_t found = 0;
	int r = tree_list_at(AT_FDCWD, path, &names, err);

	for (size_t i = 0; i < names.len && r == 0; i++) {
		cleanup_free char *file = NULL;

		if (!is_manifest(names.items[i]))
			continue;
		found++;
		if (asprintf(&file, "%s/%s", path, names.items[i]) < 0)
			return err_nomem(err);
		r = read_file(m, p, file, s->namespace, s->expand, err);
	}
	if (r == 0 && found == 0)
		return err_setf(err, -ENOENT, "no .yaml, .yml or .json file in '%s'", path);
	return r;
}

static int read_manifest(struct bundle_model *m, struct bundle_part *p,
			 const struct component_source *s, const struct kval *name, struct err *err)
{
	cleanup_free char *path = NULL;
	struct stat st;
	int r;

	if (strncmp(name->text, "https://", 8) == 0 || strncmp(name->text, "http://", 7) == 0) {
		r = bundle_input_find(m, name->text, NULL, NULL, &path, err);
		if (r < 0)
			return component_def_fail(&p->def, name, err, "%s", (const char *)err->msg);
		return read_file(m, p, path, s->namespace, s->expand, err);
	}
	path = below(&p->def, name->text);
	if (!path)
		return err_nomem(err);
	if (stat(path, &st) < 0)
		return component_def_fail(&p->def, name, err, "cannot find '%s': %s", path,
					  strerror(errno));
	if (S_ISDIR(st.st_mode))
		return read_folder(m, p, path, s, err);
	return read_file(m, p, path, s->namespace, s->expand, err);
}

int bundle_extra_read(struct bundle_model *m, struct bundle_part *p, const char *file,
		      struct err *err)
{
	cleanup_free char *path = below(&p->def, file);

	return path ? read_file(m, p, path, p->def.namespace, true, err) : err_nomem(err);
}

int bundle_source_read(struct bundle_model *m, struct bundle_part *p,
		       const struct component_source *s, struct err *err)
{
	cleanup_free char *text = NULL;
	char file[512];
	size_t len;
	int r = 0;

	if (!s->chart) {
		for (size_t i = 0; i < s->manifests->items_len && r == 0; i++)
			r = read_manifest(m, p, s, s->manifests->items[i], err);
		return r;
	}
	r = bundle_chart_render(m, p, s, &text, &len, err);
	if (r < 0)
		return r;
	(void)snprintf(file, sizeof(file), "chart %s %s", s->chart, s->version);
	return bundle_text_add(m, p, file, text, len, s->namespace, false, err);
}
