/*
 * json - jansson with strict reading, typed access and one canonical form
 *
 * Names start with jget_ or js_; json_* is jansson's own.
 * Ownership: js_read gives a new reference (cleanup_json); what getters hand out
 * is borrowed from the object they looked into.
 * Paths: keys joined by dots, array places in brackets: "node.addresses[1]".
 * They cannot name keys that hold dots; iterate over those.
 * Errors: -EINVAL with the path: "'node.name' must be a string, not a number";
 * getters whose name ends in _opt leave *ret alone and return 0 when the value
 * is absent or null, and return 1 when it is there.
 *
 *	r = jget_str(root, "node.name", &name, err);
 */
#pragma once

#include "buf.h"
#include "err.h"

#include <jansson.h>
#include <stdbool.h>

#define cleanup_json CLEANUP(json_decrefp) /* jansson brings that function */

/* Strict: one value, nothing after it, no duplicate keys, no NUL in strings, any type at the top.
 */
int js_read(const char *text, size_t len, json_t **ret, struct err *err) MUST_CHECK;

/* NULL: nothing there. */
json_t *js_at(const json_t *root, const char *path);
/* The string there, "" when there is none. */
const char *js_text(const json_t *root, const char *path);
/* The first item of @list that has @text at @path; NULL: none, or @list is no list. */
const json_t *js_find(const json_t *list, const char *path, const char *text);

int jget_str(const json_t *root, const char *path, const char **ret, struct err *err) MUST_CHECK;
int jget_u64(const json_t *root, const char *path, uint64_t *ret, struct err *err) MUST_CHECK;
int jget_u32(const json_t *root, const char *path, uint32_t *ret, struct err *err) MUST_CHECK;
int jget_i64(const json_t *root, const char *path, int64_t *ret, struct err *err) MUST_CHECK;
int jget_bool(const json_t *root, const char *path, bool *ret, struct err *err) MUST_CHECK;
int jget_obj(const json_t *root, const char *path, json_t **ret, struct err *err) MUST_CHECK;
int jget_arr(const json_t *root, const char *path, json_t **ret, struct err *err) MUST_CHECK;

int jget_str_opt(const json_t *root, const char *path, const char **ret,
		 struct err *err) MUST_CHECK;
int jget_u64_opt(const json_t *root, const char *path, uint64_t *ret, struct err *err) MUST_CHECK;
int jget_u32_opt(const json_t *root, const char *path, uint32_t *ret, struct err *err) MUST_CHECK;
int jget_i64_opt(const json_t *root, const char *path, int64_t *ret, struct err *err) MUST_CHECK;
int jget_bool_opt(const json_t *root, const char *path, bool *ret, struct err *err) MUST_CHECK;
int jget_obj_opt(const json_t *root, const char *path, json_t **ret, struct err *err) MUST_CHECK;
int jget_arr_opt(const json_t *root, const char *path, json_t **ret, struct err *err) MUST_CHECK;

/*
 * One line without a newline: keys sorted as bytes, no blanks, '/' as it is, UTF-8 as
 * it is. Equal values give equal bytes. -EINVAL: a value that JSON cannot hold.
 */
int js_canonical(const json_t *j, struct buf *dst) MUST_CHECK;
/* For people: indented by two, keys in their own order, newline at the end. */
int js_pretty(const json_t *j, struct buf *dst) MUST_CHECK;
