/*
 * k3s-lock - the K3s release as locked inputs
 *
 * Of the version in cluster.yaml and for each architecture of its boards: the binary and
 * the air-gap archive, with the digests of the release's own sha256sum-<arch>.txt.
 * Releases are at $KILN_K3S_URL, else GitHub's; a mirror has the same names
 * below "<url>/<version>/". With `k3s: {binary: path}` nothing is locked.
 */
#pragma once

#include "lock.h"

struct http;

#define K3S_BINARY "k3s"
#define K3S_IMAGES "k3s-airgap-images"

/* Adds the files of one architecture; uses the network. */
int k3s_lock(const struct cluster *c, const char *arch, struct http *h, struct lock *l,
	     struct err *err) MUST_CHECK;
