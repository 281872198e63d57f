/* component-meta - `after`, `after_if` and `provides` of a component.yaml */
#include "component-meta.h"
#include "datadir.h"
#include "file.h"
#include "yaml-doc.h"

#include <fcntl.h>
#include <limits.h>
#include <string.h>

void component_meta_done(struct component_meta *m)
{
	struct string_list *lists[] = { &m->after, &m->after_if, &m->provides };

	for (size_t i = 0; i < ARRAY_SIZE(lists); i++) {
		for (size_t k = 0; k < lists[i]->len; k++)
			free(lists[i]->items[k]);
		free(lists[i]->items);
		*lists[i] = (struct string_list){ 0 };
	}
}

int component_dir(const struct cluster *c, const struct component *comp, char **ret,
		  struct err *err)
{
	char rel[NAME_MAX + 16];

	if (!comp->path) {
		(void)snprintf(rel, sizeof(rel), "bundle/%s", comp->name);
		return datadir_path(rel, ret, err);
	}
	*ret = cluster_path(c, comp->path);
	return *ret ? 0 : err_nomem(err);
}

/* The words of a list; anything else is for the bundle's reader to refuse. */
static int read_words(const struct ynode *n, struct string_list *out)
{
	if (!n || n->kind != YNODE_SEQ)
		return 0;
	out->items = calloc(n->len ? n->len : 1, sizeof(*out->items));
	for (size_t i = 0; out->items && i < n->len; i++) {
		if (n->items[i]->kind != YNODE_SCALAR)
			continue;
		out->items[out->len] = strdup(n->items[i]->text);
		if (!out->items[out->len])
			return -ENOMEM;
		out->len++;
	}
	return out->items ? 0 : -ENOMEM;
}

int component_meta_load(const struct cluster *c, const struct component *comp,
			struct component_meta *ret, struct err *err)
{
	cleanup_component_meta struct component_meta m = { 0 };
	cleanup_diag_list struct diag_list diags = { 0 };
	cleanup_ynode struct ynode *root = NULL;
	cleanup_free char *dir = NULL, *path = NULL;
	int r;

	r = component_dir(c, comp, &dir, err);
	if (r < 0)
		return r;
	if (asprintf(&path, "%s/component.yaml", dir) < 0) {
		path = NULL;
		return err_nomem(err);
	}
	r = file_read_at(AT_FDCWD, path, YAML_BYTES_MAX, &diags.source, &diags.source_len, err);
	if (r < 0)
		return r;
	r = yaml_doc_parse(diags.source, diags.source_len, &diags, &root);
	if (r == -ENOMEM)
		return err_nomem(err);
	if (r < 0)
		return err_setf(err, r, "%s:%u:%u: %s", path, diags.items[0].line,
				diags.items[0].col, diags.items[0].msg);
	if (read_words(ynode_get(root, "after"), &m.after) < 0 ||
	    read_words(ynode_get(root, "after_if"), &m.after_if) < 0 ||
	    read_words(ynode_get(root, "provides"), &m.provides) < 0)
		return err_nomem(err);
	*ret = m;
	m = (struct component_meta){ 0 };
	return 0;
}
