/*
 * bundle-lock - charts and manifests of the components into kiln.lock
 *
 * A chart is looked up in the index.yaml of its repository, a manifest named by a URL is
 * read once; what component.yaml has a digest of must have that one. Needs the network.
 */
#pragma once

#include "http.h"
#include "lock.h"

int bundle_lock(const struct cluster *c, struct http *h, struct lock *l,
		struct err *err) MUST_CHECK;
