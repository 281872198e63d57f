/*
 * oci-fetch - bring the container images of kiln.lock into the cache
 *
 * Each blob is kept under its digest: what an earlier run brought is not read again.
 */
#pragma once

#include "lock.h"

/* One platform of an image, under oci_work_lock(); 1: it was there already. @offline: -ENOENT when
 * it is not. */
int oci_fetch(const struct lock_image *i, const struct lock_platform *p, bool offline,
	      struct err *err) MUST_CHECK;
