/*
 * oci-doc - indexes and manifests of container images, as registries send them
 *
 * OCI's and Docker's forms are the same but for their media types. An index lists one
 * manifest a platform; a manifest lists the configuration and the layers. The bytes decide
 * the digest, so a document is only read here, never written again.
 * Ownership: a doc owns all; oci_doc_done(). Errors: -EINVAL: no such document, with what is wrong.
 */
#pragma once

#include "digest.h"

#include <stdbool.h>

#define OCI_DOC_MAX (4U << 20) /* registries refuse larger ones */

struct oci_entry {
	char sha256[SHA256_HEX_MAX];
	uint64_t size_bytes;
	char *os, *arch, *variant; /* owned; of an index's entry; NULL where it has none */
};
struct oci_doc {
	bool index;	  /* else a manifest: configuration first, then layers */
	char *media_type; /* owned */
	struct oci_entry *entries;
	size_t len;
};
int oci_doc_parse(const char *text, size_t len, struct oci_doc *ret, struct err *err) MUST_CHECK;
void oci_doc_done(struct oci_doc *d);
#define cleanup_oci_doc CLEANUP(oci_doc_done)

/* The entry for linux on Debian's architecture (amd64, arm64) that each such machine runs. */
const struct oci_entry *oci_doc_platform(const struct oci_doc *index, const char *arch);
/* "linux/amd64, linux/arm64/v8", for messages; owned by the caller. */
char *oci_doc_platforms(const struct oci_doc *index);
/* Sum of the entries' sizes. */
uint64_t oci_doc_bytes(const struct oci_doc *d);
