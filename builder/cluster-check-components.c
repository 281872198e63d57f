/* cluster-check-components - the list is closed under `after`, and has what a cluster needs */
#include "cluster-tables.h"
#include "component-meta.h"
#include "component-options.h"

#include <string.h>

#define NAMES_MAX 2048

struct needs {
	bool cni, storage_class;
	bool unknown;	      /* a name is misspelt: what is missing may be that one */
	bool garage_told;     /* what garage needs is missing and told */
	char told[NAMES_MAX]; /* " name name ": missing or too late, each told once */
};

/* Whether it is the first complaint about @name. */
static bool tell_once(struct needs *has, const char *name)
{
	size_t at = strlen(has->told), len = strlen(name);

	for (const char *p = has->told; (p = strstr(p, name)); p += len)
		if (p > has->told && p[-1] == ' ' && p[len] == ' ')
			return false;
	(void)snprintf(has->told + at, sizeof(has->told) - at, "%s%s ", at ? "" : " ", name);
	return true;
}

static bool listed(const struct string_list *l, const char *word)
{
	for (size_t i = 0; i < l->len; i++)
		if (strcmp(l->items[i], word) == 0)
			return true;
	return false;
}

/* Every name in `after` stands in the list, and before. */
static void check_after(struct check *k, const struct component *comp,
			const struct string_list *after, bool optional, struct needs *has)
{
	for (size_t i = 0; i < after->len; i++) {
		const struct component *need = cluster_component(k->c, after->items[i]);

		if (!need && (optional || has->unknown))
			continue;
		if (!need)
			has->garage_told |= strcmp(comp->name, "garage") == 0;
		if ((!need || need > comp) && !tell_once(has, after->items[i]))
			continue;
		if (!need)
			check_pos(k, comp->pos,
				  "component '%s' needs '%s', which is not in the list", comp->name,
				  after->items[i]);
		else if (need > comp)
			check_pos(k, comp->pos, "component '%s' stands before '%s', which it needs",
				  comp->name, need->name);
		else if (need == comp)
			check_pos(k, comp->pos, "component '%s' needs itself", comp->name);
	}
}

static void check_component(struct check *k, const struct component *comp, struct needs *has)
{
	cleanup_component_meta struct component_meta meta = { 0 };
	struct err err = { 0 };
	char shown[DIAG_VALUE_MAX];
	int r;

	for (const struct component *o = k->c->components; o < comp; o++) {
		if (strcmp(o->name, comp->name) != 0)
			continue;
		check_pos(k, comp->pos, "component '%s' stands twice in the list",
			  diag_value(comp->name, shown));
		return;
	}
	if (!comp->path && !component_kind_find(comp->name))
		return; /* told */
	r = component_meta_load(k->c, comp, &meta, &err);
	if (r == -ENOENT && !comp->path)
		return; /* Kiln's own data is not whole: what builds the bundle says so */
	if (r < 0) {
		check_pos(k, comp->pos, "component '%s': %s", diag_value(comp->name, shown),
			  err.msg);
		return;
	}
	check_after(k, comp, &meta.after, false, has);
	check_after(k, comp, &meta.after_if, true, has);
	has->cni |= listed(&meta.provides, "cni");
	has->storage_class |= listed(&meta.provides, "storage-class");
}

static bool has_secret(const struct component *comp, const char *option)
{
	for (size_t i = 0; i < comp->secrets_len; i++)
		if (strcmp(comp->secrets[i].option, option) == 0)
			return true;
	return false;
}

/* Where an option of a component is written. */
static const struct ynode *option_node(const struct check *k, const struct component *comp,
				       const char *key)
{
	const struct ynode *list = ynode_get(k->root, "components");

	for (size_t i = 0; list && list->kind == YNODE_SEQ && i < list->len; i++) {
		const struct ynode *options = ynode_get(list->items[i], comp->name);

		if (options && ynode_get(options, key))
			return ynode_get(options, key);
	}
	return NULL;
}

/* Whether one of its options was not understood. */
static bool argocd_told(const struct check *k, const struct component *comp)
{
	const struct ynode *list = ynode_get(k->root, "components");

	for (size_t i = 0; list && list->kind == YNODE_SEQ && i < list->len; i++)
		if (ynode_get(list->items[i], comp->name) && check_told(k, list->items[i]))
			return true;
	return false;
}

struct argocd_given {
	const char *repo;
	bool https, user, password, key;
};

/* What of the credentials does not go together, at the option @given. */
static void check_credentials(struct check *k, const struct argocd_given *g, const struct ynode *n,
			      const char *given)
{
	if (g->https && g->key)
		decode_diagf(
			k->d, n->key,
			"ssh_key does not go with an https repository; give username and password");
	else if (g->repo && !g->https)
		decode_diagf(k->d, n->key, "%s does not go with an ssh repository; give ssh_key",
			     given);
	else if (g->user != g->password)
		decode_diagf(k->d, n->key, "username and password go together; '%s' is missing",
			     g->user ? "password" : "username");
}

/* Credentials of the repository fit its URL. */
static void check_argocd(struct check *k, const struct component *comp)
{
	struct argocd_given g = {
		.repo = json_string_value(json_object_get(comp->options, "repo")),
		.user = json_object_get(comp->options, "username") != NULL,
		.password = has_secret(comp, "password"),
		.key = has_secret(comp, "ssh_key"),
	};
	const char *given = g.user ? "username" : "password";
	const struct ynode *n;

	if (argocd_told(k, comp))
		return;
	if (!g.repo && (g.user || g.password || g.key)) {
		check_pos(k, comp->pos, "credentials, but no repo that they are for");
		return;
	}
	g.https = g.repo && strncmp(g.repo, "http", 4) == 0;
	n = option_node(k, comp, g.https && g.key ? "ssh_key" : given);
	if (n)
		check_credentials(k, &g, n, given);
}

/* What some component must bring. */
static void check_provided(struct check *k, struct needs *has)
{
	const struct component *garage = cluster_component(k->c, "garage");

	if (has->unknown)
		return;
	if (!has->cni && !cluster_component(k->c, "cilium") && tell_once(has, "cilium"))
		check_at(k, "components", "no component brings a network for pods; add cilium");
	if (garage && !garage->path && !has->storage_class && !has->garage_told &&
	    !cluster_component(k->c, "rook-ceph"))
		check_pos(k, garage->pos, "garage needs a StorageClass; add rook-ceph before it");
}

void cluster_check_components(struct check *k)
{
	const struct component *argocd = cluster_component(k->c, "argocd");
	const struct ynode *list = ynode_get(k->root, "components");
	struct needs has = { 0 };

	if (!list || list->kind != YNODE_SEQ)
		return; /* told */
	has.unknown = list->len != k->c->components_len;
	for (size_t i = 0; i < k->c->components_len; i++)
		has.unknown |=
			!k->c->components[i].path && !component_kind_find(k->c->components[i].name);
	for (size_t i = 0; i < k->c->components_len; i++)
		check_component(k, &k->c->components[i], &has);
	check_provided(k, &has);
	if (argocd && !argocd->path)
		check_argocd(k, argocd);
}
