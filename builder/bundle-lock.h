/*
 * bundle-lock - charts and manifests of the components into kiln.lock
 *
 * A chart is looked up in the index.yaml of its repository, a manifest named by a URL is
 * read once; what component.yaml has a digest of must have that one.
 * They are brought into the cache at once: oci-lock.h renders them, to find images. Needs the
 * network.
 */
#pragma once

#include "lock.h"
#include "phase.h"

int bundle_lock(const struct cluster *c, struct lock *l, struct phases *p,
		struct err *err) MUST_CHECK;
