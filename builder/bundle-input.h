/*
 * bundle-input - charts and manifests that kiln.lock names, in the cache
 *
 * In kiln.lock they are files of architecture "all": a chart as
 * "chart/<repository or archive>/<name>" with its version, a manifest by its URL.
 */
#pragma once

#include "bundle-model.h"

/* A chart's name in kiln.lock, owned by the caller; it has a repository or an archive. */
char *bundle_input_chart(const struct component_source *s);
/*
 * @sha256: the digest where component.yaml has it; NULL: of the model's lock or kiln.lock, which
 * must have @version (NULL: any). -ENOENT names the command that helps.
 */
int bundle_input_find(const struct bundle_model *m, const char *name, const char *version,
		      const char *sha256, char **ret_path, struct err *err) MUST_CHECK;
