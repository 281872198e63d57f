/*
 * oci-archive - the container images of kiln.lock as one archive an architecture
 *
 * An OCI layout in a tar that K3s (containerd) imports: each image's original index, byte for
 * byte, though only one platform's manifest, configuration and layers are beside it, so that
 * its digest is the one that pods name. An image has its names in the layout's
 * index.json (io.containerd.image.name, org.opencontainers.image.ref.name): the one that
 * pods say, and "<repository>@<digest>", by which containerd looks for every name that
 * has a digest. Same lock, same bytes. Archives lie in the cache under their digest;
 * "oci/<key>" has it, the key being the digest of what goes in.
 */
#pragma once

#include "digest.h"
#include "lock.h"
#include "phase.h"

/* Whether the lock has images for that architecture at all. */
bool oci_archive_needed(const struct lock *l, const char *arch);
/* 1: path (owned) and digest of the archive; 0: it is not made yet. */
int oci_archive_find(const struct lock *l, const char *arch, char **ret,
		     char ret_sha256[SHA256_HEX_MAX], struct err *err) MUST_CHECK;
/*
 * The archive; what of it the cache lacks is brought, or -ENOENT when offline. Each image is a
 * phase of @p, which may be NULL. Blobs are read back by digest while they are copied: -EBADMSG
 * for a damaged one, which is removed, so that the next 'kiln fetch' brings it again.
 */
int oci_archive_get(const struct lock *l, const char *arch, bool offline, struct phases *p,
		    char **ret, char ret_sha256[SHA256_HEX_MAX], struct err *err) MUST_CHECK;
