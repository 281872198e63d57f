/*
 * oci-registry - ask registries for images, by skopeo
 *
 * skopeo knows logins (~/.docker/config.json, REGISTRY_AUTH_FILE), certificates and mirrors
 * (registries.conf; $CONTAINERS_REGISTRIES_CONF names one of your own). What is read is checked
 * by its digest and kept in the cache under it.
 * A name is one of image-ref.h's; a digest in it, or the one given, decides, not its tag.
 * Errors: -ENOENT when skopeo is not there; -ECHILD with what it said; -EBADMSG: another digest.
 */
#pragma once

#include "digest.h"

/*
 * The index or manifest of a name as it is. @sha256: which one; NULL: what the name says
 * today. The text is owned by the caller, its digest is in ret_sha256.
 */
int oci_registry_doc(const char *name, const char *sha256, char **ret, size_t *ret_len,
		     char ret_sha256[SHA256_HEX_MAX], struct err *err) MUST_CHECK;
/*
 * The configuration of a manifest, whose digest must be @config_sha256; owned by the caller.
 * (Copying would write one anew for images of Docker's form.)
 */
int oci_registry_config(const char *name, const char *sha256, const char *config_sha256, char **ret,
			size_t *ret_len, struct err *err) MUST_CHECK;
/* The layers of a manifest into the cache; those that are there are not read again. Under
 * oci_work_lock(). */
int oci_registry_layers(const char *name, const char *sha256, struct err *err) MUST_CHECK;
