/*
 * control - stanzas of Debian's control files: status, Packages, a .deb's control
 *
 * A stanza is text of "Field: value" lines with continuation lines; stanzas are
 * separated by empty lines. Field names are compared without case. Values are kept as
 * written, continuation lines included ("\n a\n b"); texts are borrowed from the input.
 */
#pragma once

#include "buf.h"
#include "err.h"

#include <stdbool.h>

struct control_field {
	const char *name; /* borrowed, not terminated */
	size_t name_len;
	const char *value; /* borrowed; without the blank after the colon */
	size_t value_len;  /* without the last newline */
};

/* The next stanza at *text: moves *text behind it; false at the end. */
bool control_next(const char **text, const char **ret, size_t *ret_len);
/* The next field of a stanza: moves *at; false at its end. */
bool control_field_next(const char **at, const char *end, struct control_field *ret);
bool control_find(const char *stanza, size_t len, const char *name, struct control_field *ret);
/* The value, owned by the caller; NULL: no such field (or no memory). */
char *control_get(const char *stanza, size_t len, const char *name);
/*
 * The stanza that dpkg keeps of an installed package: the fields of a .deb's control in
 * dpkg's order, "Status: install ok installed", and Conffiles (@conffiles: lines
 * " /path md5\n", may be empty).
 */
int control_add_installed(struct buf *out, const char *control, size_t len, const char *conffiles,
			  struct err *err) MUST_CHECK;
