/*
 * base-scrub - take out of a root what belongs to one machine or to its making
 *
 * Keys and ids that each node has of its own (the seed brings them), logs and caches of
 * the build, device nodes (kiln-init mounts devtmpfs). An empty /etc/machine-id stays.
 */
#pragma once

#include "rootfs.h"

int base_scrub(struct rootfs *root, struct err *err) MUST_CHECK;
