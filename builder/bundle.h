/*
 * bundle - the manifest bundle of a cluster: components rendered, checked, packed
 *
 * bundle_build() turns the components of cluster.yaml into one deterministic
 * tar (docs/formats.md, index.json), .kiln/bundle/bundle.tar: same inputs, same
 * bytes. The file is 0600: it holds the secrets that components need. Control-planes
 * get it as /var/lib/kiln/bundle.tar, node.json names its digest.
 * Needs no network; a chart that the cache lacks is an error that names
 * `kiln fetch`. Fails with every lint finding that is an error in @err's text.
 */
#pragma once

#include "cluster.h"

enum bundle_flags {
	BUNDLE_NO_SECRETS = 1 << 0, /* secrets stay as ${secret:NAME}: for plan and export */
	BUNDLE_LOCKED = 1 << 2,	    /* fails where kiln.lock lacks an image, for a bake */
	BUNDLE_COMPARE = 1 << 1,    /* beside the last baked one, for diff; the caller removes it */
};

struct bundle_result {
	char *path; /* owned; absolute path of the tar */
	char sha256[65];
	unsigned int components, objects, crds;
	uint64_t bytes;
	char *warnings; /* owned; lint findings that stop nothing, one a line; "" when none */
};
void bundle_result_done(struct bundle_result *r);
#define cleanup_bundle_result CLEANUP(bundle_result_done)

/* @flags: enum bundle_flags. A cluster without components gives an empty bundle. */
int bundle_build(const struct cluster *c, unsigned int flags, struct bundle_result *ret,
		 struct err *err) MUST_CHECK;
/* Where it is (or would be); the folder is made. */
int bundle_path(const struct cluster *c, unsigned int flags, char **ret,
		struct err *err) MUST_CHECK;
