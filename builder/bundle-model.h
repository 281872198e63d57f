/*
 * bundle-model - the bundle while it is made: components and their objects
 *
 * Filled in steps, each a bundle-*.c: collect (render), hooks, classify,
 * applications, lint, images, secrets, write. All memory is the pool's but for
 * the arrays, which bundle_model_done() releases.
 */
#pragma once

#include "bundle-index.h"
#include "cluster.h"
#include "component-def.h"
#include "kval.h"

struct lock;
struct bundle_item {
	struct kval *v;	  /* the object */
	const char *file; /* where it is from, for messages; never NULL */
	const char *group, *version, *kind, *plural, *name;
	const char *namespace; /* NULL: cluster-wide */
	bool namespaced, crd, handover, secret, covered;
	unsigned int wave;
	enum bundle_gate gate;
	struct bundle_hook *hook; /* pool; NULL: none */
	size_t order;		  /* as collected; breaks ties */
};
struct bundle_gate_item {
	const char *name;
	bool hard;
	uint64_t timeout_s;
	json_t *args;	       /* owned */
	const struct kval *at; /* for messages */
};
struct bundle_image {	       /* a container image, once a component */
	const char *name;      /* as containerd names it (image-ref.h) */
	const char *file;      /* where it was found first */
	const struct kval *at; /* there; NULL: the file as a whole */
	const char *arch;      /* "arm64": its pods run on no other; NULL: on any */
};
struct bundle_part { /* a component */
	struct component_def def;
	const struct component *component; /* of cluster.yaml; NULL: made by the builder */
	struct kval *facts;
	struct bundle_item *items; /* owned */
	size_t len, size;
	struct bundle_gate_item *gates; /* owned */
	size_t gates_len;
	const char **after; /* owned; names borrowed */
	size_t after_len;
	struct bundle_image *images; /* owned; sorted by name */
	size_t images_len;
	const char *application; /* NULL: none */
	bool skipping;		 /* `skip` holds for what sources bring, not for our own files */
};
/* A kind of a CRD in the bundle, or one that an operator registers. */
struct bundle_kind {
	const char *group, *kind, *plural;
	bool namespaced;
	const struct kval *crd; /* NULL: only declared (`provides`) */
	const char *version;	/* of a declared one */
	size_t part;		/* index of its component */
};
enum finding_level { FINDING_INFO, FINDING_WARNING, FINDING_ERROR };
struct bundle_finding {
	enum finding_level level;
	const char *rule; /* static */
	char *text;	  /* owned; "FILE:LINE:COL: what" or "component 'x': what" */
};
struct bundle_model {
	struct kval_pool pool;
	const struct cluster *cluster;
	const char *cluster_id;
	const struct lock *lock;   /* of charts and manifests; NULL: kiln.lock's, when needed */
	const char *kubernetes;	   /* v1.35.2 */
	struct bundle_part *parts; /* owned */
	size_t len;
	struct bundle_kind *kinds; /* owned */
	size_t kinds_len, kinds_size;
	struct bundle_finding *findings; /* owned */
	size_t findings_len, findings_size;
};
void bundle_model_done(struct bundle_model *m);
#define cleanup_bundle_model CLEANUP(bundle_model_done)

/* The steps, in this order. */
int bundle_collect(struct bundle_model *m, const struct cluster *c, const char *cluster_id,
		   struct err *err) MUST_CHECK;
int bundle_hooks(struct bundle_model *m, struct err *err) MUST_CHECK;
int bundle_classify(struct bundle_model *m, struct err *err) MUST_CHECK;
int bundle_applications(struct bundle_model *m, struct err *err) MUST_CHECK;
int bundle_lint(struct bundle_model *m, struct err *err) MUST_CHECK;
int bundle_images(struct bundle_model *m, struct err *err) MUST_CHECK;
int bundle_secrets(struct bundle_model *m, struct err *err) MUST_CHECK;
int bundle_write(struct bundle_model *m, const char *path, char ret_sha256[65], uint64_t *ret_bytes,
		 struct err *err) MUST_CHECK;
/* All steps but secrets and write. */
int bundle_make(struct bundle_model *m, const struct cluster *c, const char *cluster_id,
		struct err *err) MUST_CHECK;

/* Adds an object (List kinds are taken apart); @file is kept. */
int bundle_add(struct bundle_model *m, struct bundle_part *p, struct kval *v, const char *file,
	       const char *namespace, struct err *err) MUST_CHECK;
const struct bundle_kind *bundle_kind_find(const struct bundle_model *m, const char *group,
					   const char *kind);
/* Whether component @a starts after @b's gates, by the closure of `after`. */
bool bundle_follows(const struct bundle_model *m, size_t a, size_t b);
/* Index of a component; -1: none. */
ssize_t bundle_part_find(const struct bundle_model *m, const char *name);

/* A finding of the linter; the text begins with the place of @at in @item (or its first line). */
int bundle_find(struct bundle_model *m, enum finding_level level, const char *rule,
		const struct bundle_item *item, const struct kval *at, const char *fmt, ...)
	PRINTF_LIKE(6, 7);
const char *finding_level_to_string(enum finding_level l);
/* The pod template's spec of a workload (Pod, Deployment, Job, CronJob ...); NULL: none. */
struct kval *bundle_pod_spec(const struct bundle_item *item);
