/*
 * render - the final files of one node, made from cluster.yaml
 *
 * What a seed's tar holds below root/ and `kiln plan NODE --files` lists. Nothing is
 * left to do on the node: no template, no variable. One concern per render-*.c, each
 * a row of the table in render.c; the role's overlay folder is added last.
 *
 * No network, no subprocess; the only things read are the overlay, the secrets and
 * the bundle.
 * Errors: -ENOENT a secret that `kiln init` would make; -EINVAL with what cannot be
 * written into which file.
 */
#pragma once

#include "board.h"
#include "fileset.h"
#include "secret-source.h"

struct render { /* inputs; all borrowed */
	const struct cluster *cluster;
	const struct node *node;
	const struct board *board; /* of the node */
	const struct secret_source *secrets;
	const char *bundle_path; /* NULL: none */
	const char *const *wipe; /* NULL-terminated serials, or NULL */
	uint64_t baked_at;	 /* seconds since 1970: the clock's floor */
};
#define NODE_FILE_MAX ((size_t)1 << 20) /* of one rendered file; the bundle has its own */
#define BUNDLE_BYTES_MAX ((size_t)192 << 20)

/* @fs: empty; on failure it may hold a part, fileset_done() releases it. */
int render_node(const struct render *in, struct fileset *fs, struct err *err) MUST_CHECK;

/* The concerns; for render.c and tests. */
int render_host(const struct render *in, struct fileset *fs, struct err *err) MUST_CHECK;
int render_network(const struct render *in, struct fileset *fs, struct err *err) MUST_CHECK;
int render_ssh(const struct render *in, struct fileset *fs, struct err *err) MUST_CHECK;
int render_k3s(const struct render *in, struct fileset *fs, struct err *err) MUST_CHECK;
int render_k3s_secrets(const struct render *in, struct fileset *fs, struct err *err) MUST_CHECK;
int render_storage(const struct render *in, struct fileset *fs, struct err *err) MUST_CHECK;
int render_system(const struct render *in, struct fileset *fs, struct err *err) MUST_CHECK;
int render_kiln(const struct render *in, struct fileset *fs, struct err *err) MUST_CHECK;

/* A secret as a file, root:root, FILESET_SECRET when the mode hides it from others. */
int render_secret(const struct render *in, struct fileset *fs, const char *path, mode_t mode,
		  const char *name, struct err *err) MUST_CHECK;
int render_dir(struct fileset *fs, const char *path, mode_t mode, struct err *err) MUST_CHECK;
int render_link(struct fileset *fs, const char *path, const char *target,
		struct err *err) MUST_CHECK;
