/*
 * oci-lock - container images of the bundle into kiln.lock
 *
 * Renders the components (their charts and manifests must be in the cache), looks for
 * images wherever they stand, and resolves each for every architecture of the cluster's
 * boards. K3s' own images come with its release (k3s-lock.h). Indexes and manifests stay in the
 * cache; layers are brought by oci-fetch.h.
 */
#pragma once

#include "bundle-model.h"
#include "lock.h"
#include "phase.h"

/*
 * Adds the images; uses the network. -ENOENT lists every image that lacks a platform, with
 * the component that needs it as file:line:col.
 */
int oci_lock(const struct cluster *c, struct lock *l, struct phases *p, struct err *err) MUST_CHECK;
/* Before a bake: kiln.lock has every image of the model, for all boards; no network. */
int oci_lock_check(const struct bundle_model *m, struct err *err) MUST_CHECK;
