/*
 * image-ref - references of container images as containerd names them
 *
 * "busybox:stable" is "docker.io/library/busybox:stable"; without tag and digest it
 * is ":latest". Errors: -EINVAL when the text cannot be a reference.
 */
#pragma once

#include "macros.h"

#include <stdbool.h>

#define IMAGE_REF_MAX 600

int image_ref_normalize(const char *text, char dst[IMAGE_REF_MAX]) MUST_CHECK;
/* A registry's host, a path, and a tag or digest: nothing else looks like that. */
bool image_ref_is_full(const char *text);
