/*
 * bundle-source - the objects of one source: manifests or a rendered chart
 *
 * Manifests are files, folders (their *.yaml, *.yml and *.json, sorted) below
 * the component's folder, or URLs that `kiln fetch` brought. A chart is rendered
 * by `helm template` ($KILN_HELM or helm in PATH), cached by the digest of
 * everything that goes in. Needs no network.
 */
#pragma once

#include "buf.h"
#include "bundle-model.h"

int bundle_source_read(struct bundle_model *m, struct bundle_part *p,
		       const struct component_source *s, struct err *err) MUST_CHECK;
/* A manifest of the component's folder with ${...} expanded. */
int bundle_extra_read(struct bundle_model *m, struct bundle_part *p, const char *file,
		      struct err *err) MUST_CHECK;
/* Append the documents of a text; @file is kept. */
int bundle_text_add(struct bundle_model *m, struct bundle_part *p, const char *file,
		    const char *text, size_t len, const char *namespace, bool expand,
		    struct err *err) MUST_CHECK;

/* A chart's values with ${...} expanded, as JSON. */
int bundle_chart_values(struct bundle_model *m, struct bundle_part *p,
			const struct component_source *s, struct buf *out,
			struct err *err) MUST_CHECK;
/* Render a chart: the YAML that helm prints, owned by the caller. */
int bundle_chart_render(struct bundle_model *m, struct bundle_part *p,
			const struct component_source *s, char **ret, size_t *ret_len,
			struct err *err) MUST_CHECK;
