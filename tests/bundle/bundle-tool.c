/*
 * bundle-tool CLUSTER.yaml           what `kiln bake` calls: the bundle with its secrets
 * bundle-tool --values CLUSTER.yaml  the values of every chart, "COMPONENT CHART JSON" a line
 * bundle-tool --lock CLUSTER.yaml    the part of `kiln update` that is about charts and manifests
 * bundle-tool --images CLUSTER.yaml  that, and the images
 */
#include "bundle-lock.h"
#include "bundle-source.h"
#include "bundle.h"
#include "cluster-open.h"
#include "component-meta.h"
#include "facts.h"
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

int main(int argc, char **argv)
{
	cleanup_bundle_result struct bundle_result result = { 0 };
	cleanup_cluster struct cluster *c = NULL;
	struct err err = { 0 };
	bool values = argc == 3 && strcmp(argv[1], "--values") == 0;
	bool images = argc == 3 && strcmp(argv[1], "--images") == 0;
	bool locks = images || (argc == 3 && strcmp(argv[1], "--lock") == 0);

	if ((argc != 2 && !values && !locks) || cluster_open(argv[argc - 1], &c, &err) < 0 ||
	    (locks    ? lock(c, images, &err)
	     : values ? print_values(c, &err)
		      : bundle_build(c, 0, &result, &err)) < 0) {
		fprintf(stderr, "bundle-tool: %s\n", err.msg);
		return EXIT_FAILURE;
	}
	if (!values && !locks)
		printf("%s %s\n", result.sha256, result.path);
	return EXIT_SUCCESS;
}
