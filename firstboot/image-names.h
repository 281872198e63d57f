/*
 * image-names - is a container image among those that a Node says it has?
 *
 * Names are full references: registry/path:tag, or with @sha256:DIGEST behind. One that pins a
 * digest is there when that digest is, under any name; where the Node knows no digest of the
 * image (an archive of `docker save` brings none), name and tag count.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>

/* @images: status.images of a Node, or NULL. */
bool image_is_listed(const json_t *images, const char *want);
