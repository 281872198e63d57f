/* bundle-collect - component folders read, their sources rendered */
#include "bundle-model.h"
#include "bundle-source.h"
#include "component-meta.h"
#include "facts.h"
#include "gates.h"
#include "kval-json.h"
#include "parse.h"

#include <fnmatch.h>
#include <string.h>

static int add_kind(struct bundle_model *m, const struct bundle_kind *k)
{
	if (m->kinds_len == m->kinds_size) {
		size_t size = m->kinds_size ? m->kinds_size * 2 : 64;
		struct bundle_kind *kinds = reallocarray(m->kinds, size, sizeof(*kinds));

		if (!kinds)
			return -ENOMEM;
		m->kinds = kinds;
		m->kinds_size = size;
	}
	m->kinds[m->kinds_len++] = *k;
	return 0;
}

static int fail_item(const char *file, const struct kval *v, struct err *err, const char *what)
{
	return err_setf(err, -EINVAL, "%s:%u:%u: %s", file, v->line, v->col, what);
}

static bool skipped(const struct component_def *d, const char *kind, const char *name)
{
	for (size_t i = 0; d->skip && i < d->skip->items_len; i++)
		if (strcmp(kval_path_str(d->skip->items[i], "kind"), kind) == 0 &&
		    fnmatch(kval_path_str(d->skip->items[i], "name"), name, 0) == 0)
			return true;
	return false;
}

static int grow_items(struct bundle_part *p)
{
	size_t size = p->size ? p->size * 2 : 64;
	struct bundle_item *items;

	if (p->len < p->size)
		return 0;
	items = reallocarray(p->items, size, sizeof(*items));
	if (!items)
		return -ENOMEM;
	p->items = items;
	p->size = size;
	return 0;
}

/* "apps/v1" to its halves. */
static int set_group_version(struct bundle_model *m, struct bundle_item *it, const char *api)
{
	const char *slash = strchr(api, '/');

	it->group = slash ? kval_strndup(&m->pool, api, (size_t)(slash - api)) : "";
	it->version = slash ? slash + 1 : api;
	return it->group ? 0 : -ENOMEM;
}

static int add_crd(struct bundle_model *m, struct bundle_part *p, const struct bundle_item *it,
		   struct err *err)
{
	struct bundle_kind k = {
		.group = kval_path_str(it->v, "spec.group"),
		.kind = kval_path_str(it->v, "spec.names.kind"),
		.plural = kval_path_str(it->v, "spec.names.plural"),
		.crd = it->v,
		.part = (size_t)(p - m->parts),
	};
	const char *scope = kval_path_str(it->v, "spec.scope");

	if (!k.group || !k.kind || !k.plural || !scope)
		return fail_item(it->file, it->v, err,
				 "a CustomResourceDefinition without group, names or scope");
	k.namespaced = strcmp(scope, "Namespaced") == 0;
	return add_kind(m, &k) < 0 ? err_nomem(err) : 0;
}

/* The items of a List of any kind; NULL: it is none. */
static const struct kval *items_of(const struct kval *v, const char *kind)
{
	const struct kval *items = kval_get(v, "items");
	size_t len = strlen(kind);

	return len >= 4 && strcmp(kind + len - 4, "List") == 0 && kval_is(items, KVAL_LIST) ? items
											    : NULL;
}

static int fail_nameless(const char *file, const struct kval *v, struct err *err)
{
	return fail_item(file, v, err,
			 kval_path(v, "metadata.generateName")
				 ? "'generateName' cannot be applied: an object of the bundle "
				   "needs a 'name'"
				 : "'metadata.name' is missing");
}

static bool is_crd(const struct bundle_item *it)
{
	return strcmp(it->kind, "CustomResourceDefinition") == 0 &&
	       strcmp(it->group, "apiextensions.k8s.io") == 0;
}

static int add_each(struct bundle_model *m, struct bundle_part *p, const struct kval *items,
		    const char *file, const char *namespace, struct err *err)
{
	int r = 0;

	for (size_t i = 0; i < items->items_len && r == 0; i++)
		r = bundle_add(m, p, items->items[i], file, namespace, err);
	return r;
}

int bundle_add(struct bundle_model *m, struct bundle_part *p, struct kval *v, const char *file,
	       const char *namespace, struct err *err)
{
	const char *kind = kval_path_str(v, "kind"), *api = kval_path_str(v, "apiVersion");
	struct bundle_item it = {
		.v = v, .file = file, .kind = kind, .namespace = namespace, .order = p->len
	};
	const struct kval *items;
	int r = 0;

	if (!kind || !api || !*kind || !*api)
		return fail_item(file, v, err,
				 "no Kubernetes object: 'apiVersion' and 'kind' must be texts");
	items = items_of(v, kind);
	if (items)
		return add_each(m, p, items, file, namespace, err);
	it.name = kval_path_str(v, "metadata.name");
	if (!it.name || !*it.name)
		return fail_nameless(file, v, err);
	if (p->skipping && skipped(&p->def, kind, it.name))
		return 0;
	if (set_group_version(m, &it, api) < 0 || grow_items(p) < 0)
		return err_nomem(err);
	it.crd = is_crd(&it);
	r = it.crd ? add_crd(m, p, &it, err) : 0;
	if (r < 0)
		return r;
	p->items[p->len++] = it;
	return 0;
}

static int add_declared(struct bundle_model *m, struct bundle_part *p, struct err *err)
{
	for (size_t i = 0; p->def.kinds && i < p->def.kinds->items_len; i++) {
		const struct kval *v = p->def.kinds->items[i];
		struct bundle_kind k = {
			.group = kval_path_str(v, "group"),
			.version = kval_path_str(v, "version"),
			.kind = kval_path_str(v, "kind"),
			.plural = kval_path_str(v, "plural"),
			.namespaced = kval_true(kval_get(v, "namespaced")),
			.part = (size_t)(p - m->parts),
		};

		/* a CRD in the bundle says more */
		if (!bundle_kind_find(m, k.group, k.kind) && add_kind(m, &k) < 0)
			return err_nomem(err);
	}
	return 0;
}

static int add_after(struct bundle_model *m, struct bundle_part *p, const struct kval *names,
		     bool must, struct err *err)
{
	const char **after;

	if (!names)
		return 0;
	after = reallocarray(p->after, p->after_len + names->items_len + 1, sizeof(*after));
	if (!after)
		return err_nomem(err);
	p->after = after;
	for (size_t i = 0; i < names->items_len; i++) {
		const char *name = names->items[i]->text;

		if (bundle_part_find(m, name) >= 0) {
			p->after[p->after_len++] = name;
			continue;
		}
		if (cluster_component(m->cluster, name))
			return err_setf(err, -EINVAL,
					"%s:%u:%u: component '%s' must stand before '%s'",
					m->cluster->path, p->component->pos.line,
					p->component->pos.col, name, p->def.name);
		if (must)
			return err_setf(
				err, -EINVAL,
				"%s:%u:%u: component '%s' needs '%s', which is not in the list",
				m->cluster->path, p->component->pos.line, p->component->pos.col,
				p->def.name, name);
	}
	return 0;
}

/* json_t of a gate's args; empty object when there are none */
static json_t *gate_args(struct bundle_model *m, struct bundle_part *p, const struct kval *gate,
			 struct err *err)
{
	const struct kval *args = kval_get(gate, "args");
	struct kval *copy = args ? kval_copy(&m->pool, args) : kval_new(&m->pool, KVAL_MAP);
	json_t *j;

	if (!copy) {
		(void)err_nomem(err);
		return NULL;
	}
	if (facts_expand(&m->pool, p->facts, p->def.file, copy, err) < 0)
		return NULL;
	j = kval_to_json(copy);
	if (!j)
		(void)err_nomem(err);
	return j;
}

static int add_gate(struct bundle_model *m, struct bundle_part *p, const struct kval *v,
		    struct err *err)
{
	const char *when = kval_path_str(v, "when"), *timeout = kval_path_str(v, "timeout");
	struct bundle_gate_item *g = &p->gates[p->gates_len];
	const struct gate_def *def = gate_find(kval_path_str(v, "name"));
	struct err inner = { 0 };

	if (when && !facts_set(p->facts, when))
		return 0;
	if (!def)
		return component_def_fail(&p->def, kval_get(v, "name"), err,
					  "there is no gate '%s'; docs/components.md lists them",
					  kval_path_str(v, "name"));
	*g = (struct bundle_gate_item){ def->name,
					!kval_get(v, "hard") || kval_true(kval_get(v, "hard")), 900,
					NULL, v };
	if (timeout && duration_parse(timeout, &g->timeout_s) < 0)
		return component_def_fail(&p->def, kval_get(v, "timeout"), err,
					  "not a duration: '%s'", timeout);
	g->args = gate_args(m, p, v, err);
	if (!g->args)
		return -EINVAL;
	p->gates_len++;
	if (gate_check_args(def, g->args, &inner) < 0)
		return component_def_fail(&p->def, v, err, "%s", inner.msg);
	return 0;
}

static int add_gates(struct bundle_model *m, struct bundle_part *p, struct err *err)
{
	int r = 0;

	if (!p->def.gates)
		return 0;
	p->gates = calloc(p->def.gates->items_len + 1, sizeof(*p->gates));
	if (!p->gates)
		return err_nomem(err);
	for (size_t i = 0; i < p->def.gates->items_len && r == 0; i++)
		r = add_gate(m, p, p->def.gates->items[i], err);
	return r;
}

static int read_extras(struct bundle_model *m, struct bundle_part *p,
		       const struct component_extras *extras, struct err *err)
{
	int r = 0;

	for (size_t i = 0; i < extras->len && r == 0; i++)
		if (!extras->items[i].when || facts_set(p->facts, extras->items[i].when))
			r = bundle_extra_read(m, p, extras->items[i].file, err);
	return r;
}

static bool is_there_anyway(const char *namespace)
{
	static const char *const names[] = { "kube-system", "default", "kube-public",
					     "kube-node-lease" };

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (strcmp(names[i], namespace) == 0)
			return true;
	return false;
}

/* In this component or one before it. */
static bool has_namespace(const struct bundle_model *m, const struct bundle_part *last,
			  const char *name)
{
	for (const struct bundle_part *p = m->parts; p <= last; p++)
		for (size_t k = 0; k < p->len; k++)
			if (strcmp(p->items[k].kind, "Namespace") == 0 &&
			    strcmp(p->items[k].name, name) == 0)
				return true;
	return false;
}

/* Charts render no Namespace: the component's own is made here. */
static int add_namespace(struct bundle_model *m, struct bundle_part *p, struct err *err)
{
	struct kval *v, *metadata;

	if (is_there_anyway(p->def.namespace) || has_namespace(m, p, p->def.namespace))
		return 0;
	v = kval_new(&m->pool, KVAL_MAP);
	metadata = v ? kval_map_at(&m->pool, v, "metadata") : NULL;
	if (!metadata || kval_set(&m->pool, v, "apiVersion", kval_new_string(&m->pool, "v1")) < 0 ||
	    kval_set(&m->pool, v, "kind", kval_new_string(&m->pool, "Namespace")) < 0 ||
	    kval_set(&m->pool, metadata, "name", kval_new_string(&m->pool, p->def.namespace)) < 0)
		return err_nomem(err);
	if (p->def.namespace_labels && kval_set(&m->pool, metadata, "labels",
						kval_copy(&m->pool, p->def.namespace_labels)) < 0)
		return err_nomem(err);
	v->line = v->col = 1;
	return bundle_add(m, p, v, p->def.file, NULL, err);
}

static int collect_part(struct bundle_model *m, struct bundle_part *p, struct err *err)
{
	cleanup_free char *dir = NULL;
	int r = component_dir(m->cluster, p->component, &dir, err);

	if (r == 0)
		r = component_def_load(&m->pool, p->component->name, dir, &p->def, err);
	if (r == 0)
		r = facts_build(&m->pool, m->cluster, p->component, m->cluster_id, &p->facts, err);
	if (r == 0)
		r = add_after(m, p, p->def.after, true, err);
	if (r == 0)
		r = add_after(m, p, p->def.after_if, false, err);
	if (r == 0)
		r = add_gates(m, p, err);
	if (r == 0)
		r = read_extras(m, p, &p->def.before, err);
	p->skipping = true;
	for (size_t i = 0; i < p->def.sources_len && r == 0; i++)
		r = bundle_source_read(m, p, &p->def.sources[i], err);
	p->skipping = false;
	if (r == 0)
		r = read_extras(m, p, &p->def.later, err);
	if (r == 0)
		r = add_declared(m, p, err);
	return r == 0 ? add_namespace(m, p, err) : r;
}

int bundle_collect(struct bundle_model *m, const struct cluster *c, const char *cluster_id,
		   struct err *err)
{
	const char *version = c->k3s.version;

	m->cluster = c;
	m->cluster_id = cluster_id;
	m->kubernetes = kval_strndup(&m->pool, version, strcspn(version, "+"));
	m->parts = calloc(c->components_len + 1,
			  sizeof(*m->parts)); /* one more for the Applications */
	if (!m->kubernetes || !m->parts)
		return err_nomem(err);
	for (size_t i = 0; i < c->components_len; i++) {
		struct bundle_part *p = &m->parts[i];
		int r;

		p->component = &c->components[i];
		p->def.name = p->component->name;
		r = collect_part(m, p, err);
		m->len = i + 1;
		if (r < 0)
			return err_wrapf(err, r, "component '%s'", c->components[i].name);
	}
	return 0;
}
