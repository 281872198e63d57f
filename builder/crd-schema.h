/*
 * crd-schema - custom resources against the schema of their CRD, as the API server does
 *
 * Structural OpenAPI: types, required, enum, bounds, unknown fields refused, int-or-string,
 * preserved unknown fields, embedded resources, allOf, anyOf, oneOf, not. Patterns (RE2),
 * formats and CEL rules are left to the API server.
 */
#pragma once

#include "kval.h"

#include <stddef.h>

struct schema_report {
	/* Called for each mistake with its place; negative stops. */
	int (*fn)(void *arg, const struct kval *at, const char *path, const char *what);
	void *arg;
};

/* @schema: openAPIV3Schema of the version. */
int crd_schema_check(const struct kval *schema, const struct kval *object,
		     const struct schema_report *report);
