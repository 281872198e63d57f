/*
 * diag - mistakes in a user's file, each with its place, shown with line and caret
 *
 *	cluster.yaml:12:5: unknown key 'siez'; did you mean 'size'?
 *	   12 |     siez: 64GiB
 *	      |     ^~~~
 *
 * Lines and columns count from 1; columns count characters, not bytes. Control
 * characters of the source are never echoed raw; a value that looks like a
 * secret is shown as <hidden>. A list owns its texts and borrows nothing.
 */
#pragma once

#include "macros.h"

#include <stdbool.h>
#include <stdio.h>

struct diag {
	unsigned int line, col, width;   /* width of the marked text in characters, at least 1 */
	char *msg;                       /* owned */
};
struct diag_list {
	char *path;                      /* owned; as the user named the file */
	char *source;                    /* owned; the whole text, for the shown line */
	size_t source_len;
	struct diag *items;              /* owned */
	size_t len, size;
};

void diag_list_done(struct diag_list *l);
int diag_addf(struct diag_list *l, unsigned int line, unsigned int col, unsigned int width,
	      const char *fmt, ...) PRINTF_LIKE(5, 6);
void diag_sort(struct diag_list *l);                     /* by place, stable */
void diag_print(const struct diag_list *l, FILE *out);   /* text with caret lines */
int diag_print_json(const struct diag_list *l, FILE *out);
#define cleanup_diag_list CLEANUP(diag_list_done)
