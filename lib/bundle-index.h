/*
 * bundle-index - index.json of bundle.tar: what is applied, in which order
 *
 * Components are in the order they start, objects in the order of their waves
 * (docs/formats.md). An object's text is objects/<sha256>.json in the same tar:
 * bundle-reader.h. bundle_index_parse() fills a zeroed struct that
 * bundle_index_done() releases; errors as in json-table.h.
 */
#pragma once

#include "json-table.h"

#define BUNDLE_INDEX_SCHEMA 1
#define BUNDLE_INDEX_MAX ((size_t)8 << 20)

enum bundle_wave {
	WAVE_CRDS = 10,
	WAVE_NAMESPACES = 20,
	WAVE_CLASSES = 30,
	WAVE_RBAC = 40,
	WAVE_CONFIG = 50,
	WAVE_SERVICES = 60,
	WAVE_PRE_HOOKS = 70,
	WAVE_WORKLOADS = 80,
	WAVE_WEBHOOKS = 90,
	WAVE_CUSTOM = 100,
	WAVE_POST_HOOKS = 110,
	WAVE_APPLICATIONS = 120,
};

enum bundle_gate {		      /* of one object */
		   BUNDLE_GATE_READY, /* "ready": its kind's rule */
		   BUNDLE_GATE_NONE,  /* "none": applied is enough; a component gate may cover it */
		   BUNDLE_GATE_GONE_OK, /* "gone-ok": ready, or was seen and is gone (a Job with a
					   TTL) */
};
enum bundle_hook_phase { BUNDLE_HOOK_PRE, BUNDLE_HOOK_POST };
enum bundle_hook_delete { /* as Helm's hook-delete-policy */
			  BUNDLE_DELETE_BEFORE = 1 << 0,
			  BUNDLE_DELETE_SUCCEEDED = 1 << 1,
			  BUNDLE_DELETE_FAILED = 1 << 2,
};
struct bundle_hook {
	enum bundle_hook_phase phase;
	int weight;	     /* hooks of one phase go in the order of weight, then of the index */
	unsigned int delete; /* enum bundle_hook_delete */
};
struct bundle_object {
	char *group, *version, *kind, *plural; /* group "" is the core */
	bool namespaced;
	char *namespace; /* NULL unless namespaced */
	char *name;
	unsigned int wave; /* enum bundle_wave */
	enum bundle_gate gate;
	struct bundle_hook *hook; /* NULL: none */
	bool crd;
	bool handover; /* an Application adopts it (it has its tracking-id) */
	bool secret;   /* its text holds secrets: never show it */
	char *sha256;
	uint64_t bytes;
};
struct bundle_gate_spec {
	char *name; /* one of lib/gates */
	bool hard;  /* false: reported, stops nothing */
	uint64_t timeout_s;
	json_t *args; /* an object, as gate_check_args() wants it */
};
struct bundle_component {
	char *name, *namespace;
	struct json_strings after;
	char *application; /* name of the Application that adopts it; NULL: none */
	JSON_LIST_OF(struct bundle_gate_spec) gates;
	struct json_strings images;
	JSON_LIST_OF(struct bundle_object) objects;
};
struct bundle_index {
	char *cluster_id;
	char *kubernetes; /* v1.35.2 */
	JSON_LIST_OF(struct bundle_component) components;
};

int bundle_index_parse(const char *text, size_t len, struct bundle_index *ret,
		       struct err *err) MUST_CHECK;
int bundle_index_format(const struct bundle_index *b, char **ret, size_t *ret_len,
			struct err *err) MUST_CHECK;
void bundle_index_done(struct bundle_index *b);
#define cleanup_bundle_index CLEANUP(bundle_index_done)

const char *bundle_gate_to_string(enum bundle_gate g);
const char *bundle_wave_to_string(unsigned int wave); /* "crds"; NULL: not a wave */
