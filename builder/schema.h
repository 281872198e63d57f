/*
 * schema - JSON Schema (draft 7) from the decoding tables
 *
 * Editors (yaml-language-server) complete and check cluster.yaml with it. It says
 * what tables know: keys, types, patterns, bounds; what crosses values (addresses
 * inside their subnet) only `kiln check` knows.
 */
#pragma once

#include "decode.h"

/* {"type": "object", "properties": ..., "required": ...}; NULL: out of memory. */
json_t *schema_object(const struct field *fields);
/* The value of one row, with its description and default. */
json_t *schema_field(const struct field *f);
/* The whole schema of cluster.yaml. */
json_t *schema_cluster(void);
/* The same of board.yaml. */
json_t *schema_board(void);
