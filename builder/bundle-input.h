/*
 * bundle-input - charts and manifests that kiln.lock names, in the cache
 *
 * In kiln.lock they are files of architecture "all": a chart as
 * "chart/<repository>/<name>" with its version, a manifest by its URL.
 */
#pragma once

#include "bundle-model.h"

/* @sha256: the digest where component.yaml has it, or NULL: from the model's lock or kiln.lock.
 * -ENOENT names 'kiln fetch'. */
int bundle_input_find(const struct bundle_model *m, const char *name, const char *sha256,
		      char **ret_path, struct err *err) MUST_CHECK;
