/*
 * bundle-tool CLUSTER.yaml           what `kiln bake` calls: the bundle with its secrets
 * bundle-tool --values CLUSTER.yaml  the values of every chart, "COMPONENT CHART JSON" a line
 * bundle-tool --facts CLUSTER.yaml   every fact, "NAME TYPE" a line; then gates, "gate NAME ARG [ARG]"
 * bundle-tool --lock CLUSTER.yaml    the part of `kiln update` that is about charts and manifests
 * bundle-tool --images CLUSTER.yaml  that, and the images
 */
#include "bundle-lock.h"
#include "bundle-source.h"
#include "bundle.h"
#include "cluster-open.h"
#include "component-meta.h"
#include "facts.h"
#include "gates.h"
#include "oci-lock.h"

#include <string.h>

static int print_component(struct bundle_model *m, const struct component *comp, struct err *err)
{
	struct bundle_part p = { .component = comp };
	cleanup_free char *dir = NULL;
	int r = component_dir(m->cluster, comp, &dir, err);

	if (r == 0)
		r = component_def_load(&m->pool, comp->name, dir, &p.def, err);
	if (r == 0)
		r = facts_build(&m->pool, m->cluster, comp, "0123456789abcdef0123456789abcdef",
				&p.facts, err);
	for (size_t i = 0; i < p.def.sources_len && r == 0; i++) {
		cleanup_buf struct buf b = BUF_INIT(1 << 20);

		if (!p.def.sources[i].chart)
			continue;
		r = bundle_chart_values(m, &p, &p.def.sources[i], &b, err);
		if (r == 0)
			printf("%s %s %s\n", comp->name, p.def.sources[i].chart, buf_str(&b));
	}
	return r;
}

static int print_values(const struct cluster *c, struct err *err)
{
	cleanup_bundle_model struct bundle_model m = { .cluster = c };
	int r = 0;

	for (size_t i = 0; i < c->components_len && r == 0; i++)
		r = print_component(&m, &c->components[i], err);
	return r;
}

static void print_facts(const struct kval *map, const char *prefix)
{
	static const char *const types[] = { "null", "boolean", "number", "number", "text", "list", "map" };

	for (size_t i = 0; i < map->pairs_len; i++) {
		const struct kval_pair *p = &map->pairs[i];
		char name[512];

		(void)snprintf(name, sizeof(name), "%s%s%s", prefix, *prefix ? "." : "", p->key->text);
		/* options and what other components have are the components' own matter */
		if (p->value->type == KVAL_MAP && strcmp(name, "options") != 0 && strcmp(name, "components") != 0)
			print_facts(p->value, name);
		else
			printf("%s %s\n", name, types[p->value->type]);
	}
}

static int facts(const struct cluster *c, struct err *err)
{
	cleanup_kval_pool struct kval_pool pool = { 0 };
	struct kval *map;
	int r = facts_build(&pool, c, &c->components[0], "0123456789abcdef0123456789abcdef", &map, err);

	if (r < 0)
		return r;
	print_facts(map, "");
	for (const struct gate_def *g = gate_defs; g->name; g++) {
		printf("gate %s", g->name);
		for (const struct gate_arg *a = g->args; a->name; a++)
			printf(a->required ? " %s" : " [%s]", a->name);
		printf("\n");
	}
	return 0;
}

static int lock(const struct cluster *c, bool images, struct err *err)
{
	cleanup_lock struct lock l = { 0 };
	struct phases p = { 0 };
	int r = bundle_lock(c, &l, &p, err);

	if (r == 0 && images)
		r = oci_lock(c, &l, &p, err);
	lock_sort(&l);
	return r < 0 ? r : lock_save(c, &l, err);
}

static int build(const struct cluster *c, struct err *err)
{
	cleanup_bundle_result struct bundle_result result = { 0 };
	int r = bundle_build(c, 0, &result, err);

	if (r == 0)
		printf("%s %s\n", result.sha256, result.path);
	return r;
}

static int run(const char *what, const struct cluster *c, struct err *err)
{
	if (strcmp(what, "--lock") == 0 || strcmp(what, "--images") == 0)
		return lock(c, strcmp(what, "--images") == 0, err);
	if (strcmp(what, "--values") == 0)
		return print_values(c, err);
	return strcmp(what, "--facts") == 0 ? facts(c, err) : build(c, err);
}

int main(int argc, char **argv)
{
	cleanup_cluster struct cluster *c = NULL;
	struct err err = { 0 };

	if (argc < 2 || argc > 3 || cluster_open(argv[argc - 1], &c, &err) < 0 ||
	    run(argc == 3 ? argv[1] : "", c, &err) < 0) {
		fprintf(stderr, "bundle-tool: %s\n", err.msg);
		return EXIT_FAILURE;
	}
	return EXIT_SUCCESS;
}
