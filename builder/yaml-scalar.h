/*
 * yaml-scalar - what a YAML scalar means to Kubernetes: YAML 1.1 as Go resolves it
 *
 * Follows go.yaml.in/yaml/v2 (what kubectl and Argo CD read with) rule by rule:
 * octal 0400, yes and no, 1_000, integers exact to 64 bits, floats in Go's
 * shortest form. @tag is "" for an untagged plain scalar, else the full tag.
 * Errors: -EINVAL with @why (static text) when a core tag does not fit its scalar,
 * -ENOMEM.
 */
#pragma once

#include "kval.h"

#define YAML_TAG(name) "tag:yaml.org,2002:" name

int yaml_scalar_resolve(struct kval_pool *p, const char *tag, const char *text, size_t len,
			struct kval **ret, const char **ret_why) MUST_CHECK;

/* A mapping key: strings, integers, floats (32-bit precision) and booleans become strings. */
int yaml_scalar_key(struct kval_pool *p, const struct kval *v, const char **ret_text,
		    size_t *ret_len, const char **ret_why) MUST_CHECK;
