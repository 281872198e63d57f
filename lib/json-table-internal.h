/*
 * json-table-internal - what reading (json-table.c) and writing (json-table-encode.c) share
 */
#pragma once

#include "json-table.h"

struct list { /* what JSON_LIST_OF() lays out */
	void *items;
	size_t len;
};

/* The field's place in the struct. */
void *json_field_at(const void *s, const struct json_field *f);
/* The pointer, of any type, that is in a slot. */
void *json_slot_ptr(const void *slot);
/* "'KEY' is not WHAT": -EINVAL. */
int json_field_want(const struct json_field *f, const char *what, struct err *err) MUST_CHECK;
