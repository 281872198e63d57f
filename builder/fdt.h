/*
 * fdt - a flattened device tree, read only
 *
 * The format is the Devicetree Specification's, chapter 5: big-endian, version 17. Everything
 * read from it is bounds-checked; nodes are numbered in the order of the file, 0 is the root.
 * Ownership: an fdt borrows the bytes it was opened on. Errors: -EBADMSG: damaged.
 */
#pragma once

#include "err.h"

#include <stdbool.h>
#include <stdint.h>

struct fdt_prop {
	const char *name; /* into the bytes */
	const unsigned char *data;
	uint32_t len;
};
struct fdt_node {
	const char *name;    /* "mmc@fff000"; into the bytes */
	int parent;	     /* -1: the root */
	size_t first, count; /* of its properties in fdt.props */
};
struct fdt {
	struct fdt_node *nodes; /* owned */
	size_t nodes_len;
	struct fdt_prop *props; /* owned */
	size_t props_len;
};

int fdt_open(const void *data, size_t len, struct fdt *ret, struct err *err) MUST_CHECK;
void fdt_done(struct fdt *f);
#define cleanup_fdt CLEANUP(fdt_done)

const struct fdt_prop *fdt_prop(const struct fdt *f, int node, const char *name); /* NULL: none */
/* The i-th 32-bit word of a property; false: it is shorter. */
bool fdt_cell(const struct fdt_prop *p, size_t i, uint32_t *ret);
uint32_t fdt_u32(const struct fdt *f, int node, const char *name, uint32_t otherwise);
/* The text after @after in a list of texts (NULL: the first); NULL: no more. */
const char *fdt_next_string(const struct fdt_prop *p, const char *after);
bool fdt_is_compatible(const struct fdt *f, int node, const char *compatible);
bool fdt_is_enabled(const struct fdt *f, int node);	   /* itself and all above it */
int fdt_by_phandle(const struct fdt *f, uint32_t phandle); /* -1: none */
/* "/soc/mmc@fff000" into dst; returns dst. */
const char *fdt_path(const struct fdt *f, int node, char *dst, size_t size);
