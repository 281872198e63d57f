/*
 * json-table - structs from and to JSON by tables of fields
 *
 * A table says once how a struct looks as a JSON object; encoding, decoding and
 * releasing follow from it. Decoding is strict about what it knows (types,
 * ranges, missing and repeated keys, the text rules below) and ignores keys it
 * does not know. Encoding keeps the order of the table, so that equal structs
 * give equal bytes.
 *
 * Ownership: a decoded struct owns all it points to; json_table_done() releases
 * it and accepts a zeroed struct. Encoding borrows. Nullable strings and object
 * pointers are NULL when the JSON says null or lacks the key.
 * Errors: 0 or a negative errno; @err says which key. -EINVAL: not of this form,
 * -EPROTONOSUPPORT: another schema number, -E2BIG: longer than the maximum. A shortage
 * of memory is -ENOMEM, but in jansson's lexer, which takes it for a mistake in the text.
 *
 *	static const struct json_field disk_fields[] = {
 *		JSON_STRING(struct disk, serial, JSON_NULLABLE, NULL),
 *		JSON_U64(struct disk, min_bytes),
 *		{ 0 },
 *	};
 */
#pragma once

#include "err.h"

#include <jansson.h>
#include <stdbool.h>

/* How lists lie in a struct: JSON_LIST_OF(struct gate) gates; */
#define JSON_LIST_OF(type)                                                                         \
	struct {                                                                                   \
		type *items;                                                                       \
		size_t len;                                                                        \
	}
struct json_strings {
	char **items; /* owned, each too */
	size_t len;
};
struct json_map {	       /* as the JSON has it; writers sort by key */
	char **keys, **values; /* owned, each too */
	size_t len;
};

/* What a text must be; @expects ends the sentence "is not …": "64 hex digits". */
struct json_rule {
	bool (*ok)(const char *s);
	const char *expects;
};
extern const struct json_rule json_rule_sha256;	   /* 64 lower-case hex digits */
extern const struct json_rule json_rule_id;	   /* 32 lower-case hex digits */
extern const struct json_rule json_rule_uuid;	   /* 8-4-4-4-12 lower-case hex digits */
extern const struct json_rule json_rule_label;	   /* DNS label */
extern const struct json_rule json_rule_mac;	   /* aa:bb:cc:dd:ee:ff, lower case */
extern const struct json_rule json_rule_volume_id; /* 1A2B-3C4D */
extern const struct json_rule json_rule_line;	   /* not empty, no control characters */

enum json_kind {
	JSON_KIND_END = 0,
	JSON_KIND_STRING,     /* char * */
	JSON_KIND_U64,	      /* uint64_t, at most INT64_MAX */
	JSON_KIND_UINT,	      /* unsigned int */
	JSON_KIND_INT,	      /* int */
	JSON_KIND_BOOL,	      /* bool */
	JSON_KIND_ENUM,	      /* int-sized enum, index into names */
	JSON_KIND_FLAGS,      /* unsigned int, bit n is names[n]; a list of names */
	JSON_KIND_STRINGS,    /* struct json_strings */
	JSON_KIND_MAP,	      /* struct json_map: an object of texts */
	JSON_KIND_OBJECT,     /* a struct in place */
	JSON_KIND_OBJECT_PTR, /* a pointer to a struct; null when NULL */
	JSON_KIND_LIST,	      /* JSON_LIST_OF(struct …) */
	JSON_KIND_RAW,	      /* json_t *, an object; {} when NULL */
};
enum json_field_flags {
	JSON_NULLABLE = 1 << 0, /* null, or no such key, is NULL */
	JSON_OPTIONAL = 1 << 1, /* no such key: stays zero; zero is not written */
};
struct json_field {
	const char *key;
	enum json_kind kind;
	unsigned int flags; /* enum json_field_flags */
	size_t offset;
	const struct json_rule *rule;	 /* STRING, STRINGS; NULL: any text */
	const char *const *names;	 /* ENUM, FLAGS; ends with NULL */
	const struct json_field *fields; /* OBJECT, OBJECT_PTR, LIST */
	size_t size;			 /* OBJECT_PTR, LIST: of one struct */
};

#define JSON_STRING(s, m, f, r)                                                                    \
	{                                                                                          \
#m, JSON_KIND_STRING, f, offsetof(s, m), .rule = (r)                               \
	}
#define JSON_U64(s, m)                                                                             \
	{                                                                                          \
#m, JSON_KIND_U64, 0, .offset = offsetof(s, m)                                     \
	}
#define JSON_UINT(s, m)                                                                            \
	{                                                                                          \
#m, JSON_KIND_UINT, 0, .offset = offsetof(s, m)                                    \
	}
#define JSON_INT(s, m)                                                                             \
	{                                                                                          \
#m, JSON_KIND_INT, 0, .offset = offsetof(s, m)                                     \
	}
#define JSON_BOOL(s, m)                                                                            \
	{                                                                                          \
#m, JSON_KIND_BOOL, 0, .offset = offsetof(s, m)                                    \
	}
#define JSON_ENUM(s, m, n)                                                                         \
	{                                                                                          \
#m, JSON_KIND_ENUM, 0, offsetof(s, m), .names = (n)                                \
	}
#define JSON_FLAGS(s, m, n)                                                                        \
	{                                                                                          \
#m, JSON_KIND_FLAGS, 0, offsetof(s, m), .names = (n)                               \
	}
#define JSON_STRINGS(s, m, r)                                                                      \
	{                                                                                          \
#m, JSON_KIND_STRINGS, 0, offsetof(s, m), .rule = (r)                              \
	}
#define JSON_MAP(s, m)                                                                             \
	{                                                                                          \
#m, JSON_KIND_MAP, 0, .offset = offsetof(s, m)                                     \
	}
#define JSON_OBJECT(s, m, t)                                                                       \
	{                                                                                          \
#m, JSON_KIND_OBJECT, 0, offsetof(s, m), .fields = (t)                             \
	}
#define JSON_OBJECT_PTR(s, m, t)                                                                   \
	{                                                                                          \
#m, JSON_KIND_OBJECT_PTR, JSON_NULLABLE, offsetof(s, m),                           \
			.fields = (t), .size = sizeof(*((s *)0)->m)                                \
	}
#define JSON_LIST(s, m, t)                                                                         \
	{                                                                                          \
#m, JSON_KIND_LIST, 0, offsetof(s, m), .fields = (t),                              \
						       .size = sizeof(*((s *)0)->m.items)          \
	}
#define JSON_RAW(s, m)                                                                             \
	{                                                                                          \
#m, JSON_KIND_RAW, 0, .offset = offsetof(s, m)                                     \
	}

int json_table_encode(const struct json_field *fields, const void *src, json_t **ret,
		      struct err *err) MUST_CHECK;
/* @dst: a zeroed struct; left zeroed on failure. */
int json_table_decode(const struct json_field *fields, const json_t *obj, void *dst,
		      struct err *err) MUST_CHECK;
void json_table_done(const struct json_field *fields, void *s);

/* A whole document: an object with "schema" first, then the fields. */
struct json_doc {
	const char *what; /* "seed.json", starts its errors */
	unsigned int schema;
	const struct json_field *fields;
	size_t max_bytes;
};
int json_doc_parse(const struct json_doc *doc, const char *text, size_t len, void *dst,
		   struct err *err) MUST_CHECK;
/* Indented text with a newline at its end; owned by the caller. */
int json_doc_format(const struct json_doc *doc, const void *src, char **ret, size_t *ret_len,
		    struct err *err) MUST_CHECK;
/* Copies for building structs by hand: -ENOMEM or 0. */
int json_strings_add(struct json_strings *l, const char *s) MUST_CHECK;
int json_map_add(struct json_map *m, const char *key, const char *value) MUST_CHECK;
