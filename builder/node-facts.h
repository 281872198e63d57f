/*
 * node-facts - node.json and the selectors of seed.json from the model
 */
#pragma once

#include "node-json.h"
#include "render.h"

/* @ret: zeroed; owned by the caller, node_json_done(). Leaves .bundle NULL. */
int node_facts(const struct render *in, struct node_json *ret, struct err *err) MUST_CHECK;
/* Copies; -ENOMEM or 0. */
int disk_match_from(const struct disk_selector *d, struct disk_match *ret) MUST_CHECK;
/* "aa:bb:…" owned by the caller, NULL in *ret when the node has none. */
int node_mac_text(const struct node *n, char **ret) MUST_CHECK;
/* A one-line secret (cluster-id, fsid) without its newline; owned by the caller. */
int secret_line(const struct render *in, const char *name, char **ret, struct err *err) MUST_CHECK;
