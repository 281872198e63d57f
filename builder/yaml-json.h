/*
 * yaml-json - YAML files as Kubernetes reads them: many documents, YAML 1.1, strict
 *
 * What kubectl and Argo CD read is read to the same values, what they refuse is
 * refused (tests/golden/yaml-differs has the exceptions): documents are split by lines before
 *parsing, octal 0400, yes and no, merge keys, bounded aliases. Beyond them, duplicate keys and text
 *after a '...' line are errors. Documents that are empty, comments only or null are skipped.
 * Ownership: values live in @pool (borrowed) and need nothing else.
 * Errors: "FILE:LINE:COL: what"; lines and columns count from 1, columns in
 * characters.
 *
 *	struct yaml_docs docs = { 0 };
 *	r = yaml_docs_read(&pool, "a.yaml", text, len, &docs, err);
 */
#pragma once

#include "err.h"
#include "kval.h"

#define YAML_FILE_MAX (256U << 20)

struct yaml_doc {
	struct kval *root;
	unsigned int line; /* of its first token */
};
struct yaml_docs {
	struct yaml_doc *items; /* owned */
	size_t len, size;
};
void yaml_docs_done(struct yaml_docs *d);
#define cleanup_yaml_docs CLEANUP(yaml_docs_done)

/* Appends to @ret; on failure the documents before the mistake are there. @text need not be
 * terminated. */
int yaml_docs_read(struct kval_pool *pool, const char *name, const char *text, size_t len,
		   struct yaml_docs *ret, struct err *err) MUST_CHECK;
