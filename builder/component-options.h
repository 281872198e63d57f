/*
 * component-options - the options that Kiln's own components take in cluster.yaml
 *
 * Each is a table like any other; rows of type_map nest. Values become JSON in
 * component.options: text and words as strings, sizes as bytes, durations as seconds,
 * defaults filled in. Secrets go to component.secrets by their dotted path.
 */
#pragma once

#include "decode.h"

struct component_kind {
	const char *name; /* its folder in bundle/ */
	const struct field *options;
	const char *doc;
};
extern const struct component_kind component_kinds[]; /* ends with a row without a name */
const struct component_kind *component_kind_find(const char *name);
