/*
 * yaml-piece - one YAML document as text: places in messages, and the text behind libyaml's marks
 *
 * Lines of a mark count from 0 in the piece, its index counts characters; messages have
 * "FILE:LINE:COL: what" of the whole file, counted from 1, columns in characters.
 * Ownership: name and text are borrowed; @text is UTF-8 and need not be terminated.
 * Errors: what a yaml_piece_fail*() returns is -EINVAL, or -ENOMEM when the parser lacked memory.
 */
#pragma once

#include "err.h"
#include "kval.h"

#include <yaml.h>

struct yaml_piece {
	const char *name; /* of the file, for messages */
	const char *text;
	size_t len;
	unsigned int line;	      /* of the file, where the piece begins */
	size_t seen_index, seen_byte; /* of yaml_piece_at(): 0 at first */
};

/* The place of @mark as that of @v. */
void yaml_piece_place(const struct yaml_piece *p, const yaml_mark_t *mark, struct kval *v);
/* The text at a mark. Marks that come in order cost one pass over the piece in all. */
const char *yaml_piece_at(struct yaml_piece *p, const yaml_mark_t *mark);

int yaml_piece_fail_value(const struct yaml_piece *p, const struct kval *v, const char *what,
			  struct err *err);
int yaml_piece_failf(const struct yaml_piece *p, const yaml_mark_t *mark, struct err *err,
		     const char *fmt, ...) PRINTF_LIKE(4, 5);
/* Why the parser stopped. */
int yaml_piece_fail_parser(const struct yaml_piece *p, const yaml_parser_t *parser,
			   struct err *err);
