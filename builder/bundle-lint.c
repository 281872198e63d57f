#include "bundle-lint.h"

#include "crd-schema.h"
#include "kube-kinds.h"

#include <string.h>

static const char *const own_namespaces[] = { "kube-system", "default", "kube-public",
					      "kube-node-lease" };

static int need_before(struct bundle_model *m, const char *rule, const struct bundle_item *it,
		       size_t part, size_t needed, const char *what)
{
	if (needed == part || bundle_follows(m, part, needed))
		return 0;
	return bundle_find(
		m, FINDING_ERROR, rule, it, NULL,
		"%s comes from component '%s', which '%s' does not come after; name it in 'after'",
		what, m->parts[needed].def.name, m->parts[part].def.name);
}

/* Where a namespace is made: the part's index, -1 nowhere, -2 it is there anyway. */
static ssize_t namespace_part(const struct bundle_model *m, const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(own_namespaces); i++)
		if (strcmp(own_namespaces[i], name) == 0)
			return -2;
	for (size_t i = 0; i < m->len; i++)
		for (size_t k = 0; k < m->parts[i].len; k++)
			if (m->parts[i].items[k].wave == WAVE_NAMESPACES &&
			    strcmp(m->parts[i].items[k].name, name) == 0)
				return (ssize_t)i;
	return -1;
}

static int check_namespace(struct bundle_model *m, size_t part, const struct bundle_item *it)
{
	ssize_t at = namespace_part(m, it->namespace);

	if (at == -1)
		return bundle_find(m, FINDING_ERROR, "missing-namespace", it,
				   kval_path(it->v, "metadata.namespace"),
				   "no Namespace '%s' in the bundle", it->namespace);
	return at < 0 ? 0
		      : need_before(m, "missing-namespace", it, part, (size_t)at, "its namespace");
}

static bool same_object(const struct bundle_item *a, const struct bundle_item *b)
{
	return strcmp(a->name, b->name) == 0 && strcmp(a->kind, b->kind) == 0 &&
	       strcmp(a->group, b->group) == 0 && a->namespaced == b->namespaced &&
	       (!a->namespaced || strcmp(a->namespace, b->namespace) == 0);
}

static int check_twice(struct bundle_model *m, const struct bundle_item *it)
{
	FOR_EACH_ITEM(m, p, other)
	{
		if (other == it)
			return 0;
		if (same_object(other, it))
			return bundle_find(m, FINDING_ERROR, "duplicate-object", it, NULL,
					   "is in the bundle already: component '%s', %s:%u",
					   p->def.name, other->file, other->v->line);
	}
	return 0;
}

int lint_order(struct bundle_model *m)
{
	FOR_EACH_ITEM(m, p, it)
	{
		size_t part = (size_t)(p - m->parts);
		const struct bundle_kind *k = kube_kind_find(it->group, it->kind)
						      ? NULL
						      : bundle_kind_find(m, it->group, it->kind);

		if (k && need_before(m, "cr-before-crd", it, part, k->part,
				     "its CustomResourceDefinition") < 0)
			return -ENOMEM;
		if (it->namespaced && it->namespace && check_namespace(m, part, it) < 0)
			return -ENOMEM;
		if (check_twice(m, it) < 0)
			return -ENOMEM;
	}
	return 0;
}

int lint_webhooks(struct bundle_model *m)
{
	FOR_EACH_ITEM(m, p, it)
	{
		const struct kval *hooks =
			it->wave == WAVE_WEBHOOKS ? kval_get(it->v, "webhooks") : NULL;

		if (it->gate != BUNDLE_GATE_NONE || it->covered || !kval_is(hooks, KVAL_LIST))
			continue;
		for (size_t i = 0; i < hooks->items_len; i++) {
			const struct kval *w = hooks->items[i];
			const char *policy = kval_path_str(w, "failurePolicy") ?: "Fail";

			if (strcmp(policy, "Fail") != 0 || !kval_path(w, "clientConfig.service"))
				continue;
			if (bundle_find(m, FINDING_ERROR, "webhook-without-gate", it, w,
					"webhook '%s' has failurePolicy Fail, and nothing waits "
					"until it answers",
					kval_path_str(w, "name") ?: "?") < 0)
				return -ENOMEM;
		}
	}
	return 0;
}

static bool empty_selector(const struct kval *spec, const char *key)
{
	const struct kval *s = kval_get(spec, key);

	return kval_is(s, KVAL_MAP) && s->pairs_len == 0;
}

static bool mentions_dns(const struct kval *v)
{
	if (v->type == KVAL_MAP && kval_get(v, "port")) {
		const struct kval *port = kval_get(v, "port");

		if ((port->type == KVAL_STRING || port->type == KVAL_INT) &&
		    strcmp(port->text, "53") == 0)
			return true;
	}
	for (size_t i = 0; v->type == KVAL_LIST && i < v->items_len; i++)
		if (mentions_dns(v->items[i]))
			return true;
	for (size_t i = 0; v->type == KVAL_MAP && i < v->pairs_len; i++)
		if (mentions_dns(v->pairs[i].value))
			return true;
	return false;
}

/* Does this policy cut off every pod's way out (of its namespace)? */
static bool denies_all(const struct bundle_item *it)
{
	const struct kval *spec = kval_get(it->v, "spec"), *types;

	if (strncmp(it->kind, "Cilium", 6) == 0 && strstr(it->kind, "NetworkPolicy"))
		return empty_selector(spec, "endpointSelector") && kval_get(spec, "egress") &&
		       !(kval_path(spec, "enableDefaultDeny.egress") &&
			 !kval_true(kval_path(spec, "enableDefaultDeny.egress")));
	if (strcmp(it->kind, "NetworkPolicy") != 0 || !empty_selector(spec, "podSelector"))
		return false;
	types = kval_get(spec, "policyTypes");
	for (size_t i = 0; kval_is(types, KVAL_LIST) && i < types->items_len; i++)
		if (strcmp(kval_str(types->items[i]) ?: "", "Egress") == 0)
			return true;
	return false;
}

static bool allows_dns(const struct bundle_item *it, const struct bundle_item *deny)
{
	const struct kval *spec = kval_get(it->v, "spec"), *egress = kval_get(spec, "egress");
	bool cilium = strncmp(it->kind, "Cilium", 6) == 0;

	if (!strstr(it->kind, "NetworkPolicy") || !egress || !mentions_dns(egress))
		return false;
	if (it->namespaced && !(deny->namespace && strcmp(deny->namespace, it->namespace) == 0))
		return false;
	return empty_selector(spec, cilium ? "endpointSelector" : "podSelector");
}

static bool dns_allowed_before(struct bundle_model *m, const struct bundle_item *deny)
{
	FOR_EACH_ITEM(m, p, it)
	{
		(void)p;
		if (it == deny)
			return false;
		if (allows_dns(it, deny))
			return true;
	}
	return false;
}

int lint_policies(struct bundle_model *m)
{
	FOR_EACH_ITEM(m, p, deny)
	{
		(void)p;
		if (!denies_all(deny) ||
		    mentions_dns(kval_path(deny->v, "spec.egress") ?: deny->v) ||
		    dns_allowed_before(m, deny))
			continue;
		if (bundle_find(m, FINDING_ERROR, "default-deny-before-dns", deny, NULL,
				"denies all, and no policy before it lets every pod ask the DNS") <
		    0)
			return -ENOMEM;
	}
	return 0;
}

int lint_storage(struct bundle_model *m)
{
	const struct bundle_item *first = NULL;

	FOR_EACH_ITEM(m, p, it)
	{
		const struct kval *annotations = kval_path(it->v, "metadata.annotations");
		const char *is_default = kval_str(
			kval_get(annotations, "storageclass.kubernetes.io/is-default-class"));

		(void)p;
		if (strcmp(it->kind, "StorageClass") != 0 || !is_default ||
		    strcmp(is_default, "true") != 0)
			continue;
		if (first &&
		    bundle_find(m, FINDING_ERROR, "default-storage-class", it, NULL,
				"a second default StorageClass: '%s' (%s:%u) is one already",
				first->name, first->file, first->v->line) < 0)
			return -ENOMEM;
		if (!first)
			first = it;
	}
	return 0;
}

struct schema_target {
	struct bundle_model *m;
	const struct bundle_item *it;
};

static int on_mistake(void *arg, const struct kval *at, const char *path, const char *what)
{
	struct schema_target *t = arg;

	return bundle_find(t->m, FINDING_ERROR, "schema", t->it, at->line ? at : NULL, "%s%s%s",
			   path, *path ? ": " : "", what);
}

static int check_schema(struct bundle_model *m, const struct bundle_kind *k,
			const struct bundle_item *it)
{
	struct schema_report report = { on_mistake, &(struct schema_target){ m, it } };
	const struct kval *versions = kval_path(k->crd, "spec.versions");

	for (size_t i = 0; kval_is(versions, KVAL_LIST) && i < versions->items_len; i++) {
		const struct kval *v = versions->items[i],
				  *schema = kval_path(v, "schema.openAPIV3Schema");

		if (strcmp(kval_path_str(v, "name") ?: "", it->version) != 0)
			continue;
		if (!kval_true(kval_get(v, "served")))
			return bundle_find(
				m, FINDING_ERROR, "schema", it, kval_get(it->v, "apiVersion"),
				"version '%s' of its CustomResourceDefinition is not served",
				it->version);
		return schema ? crd_schema_check(schema, it->v, &report) : 0;
	}
	return bundle_find(m, FINDING_ERROR, "schema", it, kval_get(it->v, "apiVersion"),
			   "its CustomResourceDefinition has no version '%s'", it->version);
}

int lint_schema(struct bundle_model *m)
{
	FOR_EACH_ITEM(m, p, it)
	{
		const struct bundle_kind *k = kube_kind_find(it->group, it->kind)
						      ? NULL
						      : bundle_kind_find(m, it->group, it->kind);
		int r = k && k->crd ? check_schema(m, k, it) : 0;

		(void)p;
		if (r < 0)
			return r;
	}
	return 0;
}

int bundle_lint(struct bundle_model *m, struct err *err)
{
	static int (*const rules[])(struct bundle_model * m) = {
		lint_order, lint_webhooks, lint_policies, lint_cilium,
		lint_pods,  lint_storage,  lint_apply,	  lint_schema,
	};

	for (size_t i = 0; i < ARRAY_SIZE(rules); i++)
		if (rules[i](m) < 0)
			return err_nomem(err);
	return 0;
}
