/*
 * component-def - bundle/<name>/component.yaml: where a component's objects come from
 *
 * docs/components.md describes the file. A definition borrows from its pool and
 * from its folder's path; texts are as in the file, ${...} not yet expanded.
 * Errors: "FILE:LINE:COL: what"; unknown and missing keys are refused.
 */
#pragma once

#include "err.h"
#include "kval.h"

struct component_source {
	/* either a chart ... */
	const char *chart;	      /* its name; NULL: manifests */
	const char *repository;	      /* https://..., oci://...; NULL for a chart in the folder */
	const char *version, *sha256; /* sha256 may be NULL: from kiln.lock */
	const char *chart_path;	      /* NULL, or a folder or .tgz below the component's folder */
	const char *archive;	      /* NULL, or the URL of a tar that has the chart in `folder` */
	const char *folder;	      /* "deploy/helm/x"; a folder that is all around is left out */
	const char *release;	      /* default: the chart's name */
	const char *values;	      /* file; NULL: none */
	/* ... or manifests: files, folders, URLs */
	const struct kval *manifests; /* list of texts, or NULL */
	bool expand;		      /* ${...} in them too */
	const char *namespace;	      /* of what lacks one; default: the component's */
	unsigned int line;
};
struct component_extra {
	const char *file;
	const char *when; /* a fact that must be set; NULL: always */
};
struct component_extras {
	struct component_extra *items;
	size_t len;
};
struct component_def {
	const char *name;
	const char *dir;  /* absolute path of the folder */
	const char *file; /* its component.yaml, for messages */
	const char *namespace;
	const struct kval *namespace_labels; /* map or NULL */
	struct component_source *sources;
	size_t sources_len;
	struct component_extras before, later; /* manifests before and after the sources' */
	const struct kval *after;	       /* list of names that must be there, or NULL */
	const struct kval *after_if;	       /* the same, for those that are there */
	const struct kval *skip;	       /* list of {kind, name} */
	const struct kval *objects;	       /* list of {kind, name, gate, wave} */
	const struct kval *gates;	       /* list of {name, hard, timeout, args, when} */
	const struct kval *images;	       /* list of references beyond those found */
	const struct kval
		*kinds; /* list of {group, version, kind, plural, namespaced}: made at run time */
};

/* @dir and @name are copied into the pool. */
int component_def_load(struct kval_pool *pool, const char *name, const char *dir,
		       struct component_def *ret, struct err *err) MUST_CHECK;
/* "FILE:LINE:COL: message" of a value of the definition. */
int component_def_fail(const struct component_def *d, const struct kval *at, struct err *err,
		       const char *fmt, ...) PRINTF_LIKE(4, 5);
