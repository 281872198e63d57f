/*
 * component-meta - the few facts of component.yaml that the checks of cluster.yaml need
 *
 * The bundle reads the whole file; this reads `after`, `after_if` and `provides` alone, so
 * that `kiln check` stays far below its 50 ms.
 */
#pragma once

#include "cluster.h"

struct component_meta {
	struct string_list after;    /* components that must stand before */
	struct string_list after_if; /* the same, where they are in the list at all */
	struct string_list provides; /* cni, storage-class */
};
void component_meta_done(struct component_meta *m);
#define cleanup_component_meta CLEANUP(component_meta_done)

/* The component's folder: its path beside cluster.yaml, or bundle/<name>; owned by the caller. */
int component_dir(const struct cluster *c, const struct component *comp, char **ret,
		  struct err *err) MUST_CHECK;
/* -ENOENT: no such folder or file; what is wrong in the file is told as file:line:col. */
int component_meta_load(const struct cluster *c, const struct component *comp,
			struct component_meta *ret, struct err *err) MUST_CHECK;
