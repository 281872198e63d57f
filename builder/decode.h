/*
 * decode - YAML trees to structs by tables; the same tables give the JSON Schema
 *
 * A table is an array of struct field, ended by a row without a key. A row names the
 * key, its type (how to decode it, how to describe it), where the value goes in the
 * struct, its flags, the type's own argument, its default as one would write it, and
 * a sentence for editors. One row adds a key.
 *
 *	static const struct field root_fields[] = {
 *		{ "size", &type_size, OFFSET(struct cluster, storage.root_size_bytes),
 *		  .def = "64GiB", .doc = "Size of the root partition." },
 *		{ 0 },
 *	};
 *
 * A row of a struct that is embedded (type_map) has the offset in the outer struct.
 * Mistakes go to the diag list and decoding goes on: decoders return nothing, the
 * value stays as it was. Shortage of memory is kept in diag_list.nomem.
 */
#pragma once

#include "cluster.h"
#include "diag.h"
#include "yaml-doc.h"

enum field_flags {
	FIELD_REQUIRED = 1 << 0,
	FIELD_SECRET = 1 << 1,	 /* the value is a secret: hidden wherever it is shown */
	FIELD_NONEMPTY = 1 << 3, /* a list holds at least one item */
	FIELD_REPEATS = 1 << 2,	 /* a list may hold the same text twice */
};

struct decode {
	struct diag_list *diags;
	const char *dir; /* borrowed; the folder relative paths start from */
};

struct field;
struct field_type {
	/* dst is the value's own place (base + offset). */
	void (*decode)(struct decode *d, const struct ynode *v, const struct field *f, void *dst);
	/* A JSON Schema of the value; NULL: out of memory. */
	json_t *(*schema)(const struct field *f);
	const char *name; /* for the man page: "text", "size" */
	/* The JSON of a decoded scalar (component options); NULL: cannot stand there. */
	json_t *(*json)(const void *value);
	void (*done)(void *value); /* NULL: owns nothing */
};
struct field {
	const char *key;
	const struct field_type *type;
	size_t offset;
	unsigned int flags; /* enum field_flags */
	const void *arg;
	const char *def; /* decoded when the key is missing; NULL: nothing is set */
	const char *doc;
	size_t pos_offset; /* of a struct pos in the same struct, set when the value was
			      understood; 0: none kept */
};
#define OFFSET(type, member) offsetof(type, member)

/* Decode a mapping into the struct at base; @v NULL: only defaults and missing keys. */
void decode_map(struct decode *d, const struct ynode *v, const struct field *fields, void *base);
/* Free what the fields own. */
void decode_done(const struct field *fields, void *base);
/* The row of a key; NULL: none. */
const struct field *field_find(const struct field *fields, const char *key);
/* Unknown key: told with the nearest key, whose row is returned, or with all of them (NULL). */
const struct field *decode_unknown_key(struct decode *d, const struct ynode *key,
				       const struct field *fields);
/* The candidate within two typing mistakes of word, or NULL. */
const char *nearest_word(const char *word, const char *const *candidates, size_t len);

/* Helpers of decoders. */
#define decode_diagf(d, n, ...) ynode_diagf((d)->diags, (n), __VA_ARGS__)
/* The text of a scalar, or NULL with a diag "expected <what>, found ...". */
const char *decode_scalar(struct decode *d, const struct ynode *v, const char *what);
/* The same for text: true, 1.5, ~ without quotes are refused. */
const char *decode_text(struct decode *d, const struct ynode *v, const char *what);
char *decode_strdup(struct decode *d, const char *s);
void *decode_calloc(struct decode *d, size_t n, size_t size);
/* Every scalar below @v is hidden when lines are shown. */
void decode_hide(struct decode *d, const struct ynode *v);
struct pos ynode_pos(const struct ynode *n);
/* Any YAML as JSON by YAML 1.2's core rules; NULL with a diag. */
json_t *decode_json(struct decode *d, const struct ynode *v);

/* type_text: char *, owned. arg NULL or: */
struct text_rule {
	const char *what; /* "a host name" */
	bool (*valid)(const char *s);
	const char *pattern; /* for the schema; NULL: none */
	const char *hint;    /* what would be right, or NULL */
};
/* type_uint: unsigned int; arg: */
struct uint_rule {
	unsigned int min, max;
};
/* type_size: uint64_t bytes; type_duration: uint64_t seconds; arg: */
struct u64_rule {
	uint64_t min, max;
};
/* type_enum: int; type_flags: a list, bits of unsigned int; arg: array ended by NULL. */
struct enum_name {
	const char *name;
	int value;
};
extern const struct field_type type_text, type_bool, type_uint, type_size, type_duration, type_enum,
	type_flags, type_map /* arg: fields of the same base */, type_strings /* arg: text_rule */,
	type_string_map;
/* decode-net.c */
extern const struct field_type type_prefixes, type_ranges, type_addrs, type_node_addrs, type_mac;
/* decode-secret.c */
extern const struct field_type type_secret;
void secret_ref_done(struct secret_ref *ref);
/* decode-clock.c: "09:20" to a minute of the day; daily, weekdays, weekends or [mon, ...] */
extern const struct field_type type_clock, type_days;

/* text-rules.c */
extern const struct text_rule rule_label, rule_domain, rule_user, rule_timezone, rule_locale,
	rule_uuid, rule_k3s_version, rule_ssh_key, rule_package, rule_url, rule_repo, rule_email,
	rule_compress, rule_path, rule_word, rule_env, rule_k8s_name;

void string_list_done(struct string_list *l);
void string_map_done(struct string_map *m);
