/*
 * kval - a Kubernetes object as a tree of values, each with its place in the YAML
 *
 * Numbers are kept as canonical JSON text, so that 64-bit integers stay exact.
 * Maps are sorted by key (as bytes) and have each key once. Strings have a
 * length and may hold NUL; they are also terminated.
 * Lines and columns count from 1; 0 means: not from a file.
 * Ownership: every value lives in a pool and is released with it. Values may be
 * shared (YAML aliases): change a tree only after kval_copy() of it.
 * Errors: allocation fails with NULL or -ENOMEM.
 *
 *	struct kval *meta = kval_get(obj, "metadata");
 *	const char *name = kval_str(kval_get(meta, "name"));	NULL: none, or no string
 */
#pragma once

#include "macros.h"

#include <stdbool.h>

enum kval_type { KVAL_NULL, KVAL_BOOL, KVAL_INT, KVAL_FLOAT, KVAL_STRING, KVAL_LIST, KVAL_MAP };

#define KVAL_DEPTH_MAX 10000

struct kval;
struct kval_pair {
	struct kval *key; /* KVAL_STRING; has the place of the key */
	struct kval *value;
};
struct kval {
	enum kval_type type;
	unsigned int line, col;
	union {
		bool boolean;
		struct {
			const char *text; /* INT, FLOAT, STRING */
			size_t text_len;
		};
		struct {
			struct kval **items; /* LIST */
			size_t items_len;
		};
		struct {
			struct kval_pair *pairs; /* MAP, sorted by key */
			size_t pairs_len;
		};
	};
};

struct kval_chunk;
struct kval_pool {
	struct kval_chunk *chunks; /* owned */
};
void kval_pool_done(struct kval_pool *p);
#define cleanup_kval_pool CLEANUP(kval_pool_done)
void *kval_alloc(struct kval_pool *p, size_t size); /* zeroed, aligned to 8 */
char *kval_strndup(struct kval_pool *p, const char *s, size_t len);

struct kval *kval_new(struct kval_pool *p, enum kval_type type);
struct kval *kval_new_text(struct kval_pool *p, enum kval_type type, const char *s, size_t len);
struct kval *kval_new_string(struct kval_pool *p, const char *s);
struct kval *kval_new_int(struct kval_pool *p, int64_t n);
struct kval *kval_new_bool(struct kval_pool *p, bool b);
struct kval *kval_copy(struct kval_pool *p, const struct kval *v); /* deep */

/* Lookups; all accept NULL and the wrong type, and answer NULL. */
struct kval *kval_get(const struct kval *map, const char *key);
const struct kval_pair *kval_pair(const struct kval *map, const char *key);
struct kval *kval_path(const struct kval *v,
		       const char *path);   /* "spec.template.spec"; no key has a dot */
const char *kval_str(const struct kval *v); /* of a KVAL_STRING */
const char *kval_path_str(const struct kval *v, const char *path);
bool kval_is(const struct kval *v, enum kval_type type);
bool kval_true(const struct kval *v);			     /* the boolean true */
bool kval_to_i64(const struct kval *v, int64_t *ret);	     /* an integer that fits */
bool kval_equal(const struct kval *a, const struct kval *b); /* places are not compared */

/* Changes; @key is copied. The map stays sorted; an old value is replaced. */
int kval_set(struct kval_pool *p, struct kval *map, const char *key, struct kval *v) MUST_CHECK;
void kval_del(struct kval *map, const char *key);
int kval_append(struct kval_pool *p, struct kval *list, struct kval *v) MUST_CHECK;
/* The map below @key, made when it is absent or null; NULL: no memory, or something else is there.
 */
struct kval *kval_map_at(struct kval_pool *p, struct kval *map, const char *key);
/* Sort pairs by key; -EEXIST when two are equal (index of the second in *ret_dup). */
int kval_sort(struct kval *map, size_t *ret_dup) MUST_CHECK;
