/*
 * k3s-install - put K3s into a root as its own installer would
 *
 * /usr/local/bin/k3s with the links kubectl, crictl and ctr beside it; the release's
 * air-gap archive and that of the bundle's images (oci-archive.h) in
 * /var/lib/rancher/k3s/agent/images with an empty .cache.json (with it K3s imports an
 * archive once, not at each start). The units k3s.service and
 * k3s-agent.service are static files of overlays/common; the seed enables one of them.
 *
 * Binary and archive come from the cache as kiln.lock names them, or the binary from
 * `k3s: {binary: path}`. -ENOENT names the command that brings what is missing.
 */
#pragma once

#include "board.h"
#include "cluster.h"

struct k3s_input {
	char *name;    /* owned; "k3s", "k3s-airgap-images" */
	char *path;    /* owned; the file in the cache (or the local binary) */
	char *version; /* owned */
	char *sha256;  /* owned; hex */
	char *target;  /* owned; absolute path in the root */
	unsigned int mode;
};
struct k3s_inputs {
	struct k3s_input items[4]; /* binary, air-gap archive, the bundle's images */
	size_t len;
};
void k3s_inputs_done(struct k3s_inputs *in);
#define cleanup_k3s_inputs CLEANUP(k3s_inputs_done)

/* What goes into the roots of @b's architecture; all files are there and verified. */
int k3s_inputs_get(const struct cluster *c, const struct board *b, unsigned int base_flags,
		   struct k3s_inputs *ret, struct err *err) MUST_CHECK;
/* Copy them below @root_dir (as uid 0: root, or inside userns_run()), with links and folders. */
int k3s_install(const struct k3s_inputs *in, const char *root_dir, struct err *err) MUST_CHECK;
