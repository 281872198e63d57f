/*
 * k3s-config - the K3s configuration of one node as a JSON object, and as YAML
 *
 * Every flag follows from cluster.yaml; `k3s: {config: …}` adds what Kiln does not set.
 * Lists that both set are joined, Kiln's first. An agent gets no option that only a
 * server knows: K3s would not start with it.
 */
#pragma once

#include "render.h"

#include <jansson.h>

/* A new reference in *ret; keys in the order in which they are to be written. */
int k3s_config(const struct render *in, json_t **ret, struct err *err) MUST_CHECK;
/* Block style, texts quoted; owned by the caller. */
int k3s_config_yaml(const json_t *config, char **ret, struct err *err) MUST_CHECK;
