/*
 * yaml-doc - the strict YAML that people write for Kiln, as a tree with positions
 *
 * One document of UTF-8; no anchors, aliases, tags, merge keys or directives; keys
 * are text and stand once in a mapping. A byte order mark at the start and CRLF
 * line ends are read over. UTF-16, control characters and invalid UTF-8 are found
 * by our own scan before libyaml sees a byte, so lines and columns are ours.
 *
 * Units: lines and columns count from 1, columns and widths in characters.
 * Limits: YAML_BYTES_MAX bytes, YAML_DEPTH_MAX levels, YAML_NODES_MAX nodes,
 * YAML_KEYS_MAX keys in one mapping.
 * Ownership: the root owns the tree; ynode_free() accepts NULL.
 * Errors: every mistake goes to the diag list; -EINVAL when the text gives no tree
 * (a repeated key alone still gives one), -ENOMEM.
 */
#pragma once

#include "diag.h"

#include <stddef.h>

#define YAML_BYTES_MAX ((size_t)1 << 20)
#define YAML_DEPTH_MAX 24
#define YAML_NODES_MAX 50000
#define YAML_KEYS_MAX 1000 /* of one mapping */

enum ynode_kind { YNODE_SCALAR, YNODE_MAP, YNODE_SEQ };

struct ynode {
	enum ynode_kind kind;
	unsigned int line, col, width;
	bool plain;	      /* without quotes: true, 1 and null may mean more than text */
	char *text;	      /* owned; the scalar's value, without NUL or control characters */
	struct ynode **items; /* owned; values of a mapping, items of a sequence */
	struct ynode **keys;  /* owned; keys of a mapping, one per item, scalars */
	size_t len, size;
	const struct ynode *key; /* borrowed: the key this value stands under, or NULL */
};

/* Parse @len bytes; @ret is only set on success. */
int yaml_doc_parse(const char *text, size_t len, struct diag_list *diags,
		   struct ynode **ret) MUST_CHECK;
void ynode_free(struct ynode *n);
static inline void ynode_freep(struct ynode **n)
{
	ynode_free(*n);
}
#define cleanup_ynode CLEANUP(ynode_freep)

/* The value of a key; NULL when @n is no mapping or has no such key. */
const struct ynode *ynode_get(const struct ynode *n, const char *key);
/* Whether a scalar without quotes is null, ~ or empty. */
bool ynode_is_null(const struct ynode *n);
/* "text", "a list", "a mapping", "true", "nothing" ...: what a person sees there. */
const char *ynode_what(const struct ynode *n);
/* A mistake at a node. */
#define ynode_diagf(diags, n, ...) diag_addf((diags), (n)->line, (n)->col, (n)->width, __VA_ARGS__)

/* yaml-scan.c: refuse what no text of ours holds; 0 or -EINVAL with diags. */
int yaml_scan(const char *text, size_t len, struct diag_list *diags) MUST_CHECK;
