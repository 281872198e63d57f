/*
 * diag - mistakes in a user's file, each with its place, shown with line and caret
 *
 *	cluster.yaml:12:5: unknown key 'siez'; did you mean 'size'?
 *	   12 |     siez: 64GiB
 *	      |     ^~~~
 *
 * Lines and columns count from 1; columns count characters, not bytes (a byte order
 * mark at the start of the file counts as none). Line 0: about the file as a whole;
 * width 0: no source line is shown. Control characters of the source are never
 * echoed raw; what looks like a secret (diag-mask.c) or was named by diag_hide() is
 * shown as <hidden>. A list owns its texts and borrows nothing.
 *
 * At most DIAG_MAX mistakes are kept; more are counted. diag_addf() returns -ENOMEM
 * when memory ran out, which diag_list.nomem keeps for the caller.
 */
#pragma once

#include "macros.h"

#include <stdbool.h>
#include <stdio.h>

#define DIAG_MAX 200

struct diag {
	unsigned int line, col, width; /* width of the marked text in characters */
	char *msg;		       /* owned */
};
struct diag_hidden { /* a part of a source line that is never shown */
	unsigned int line, col, width;
};
struct diag_list {
	char *path;   /* owned; as the user named the file */
	char *source; /* owned; the whole text, for the shown line */
	size_t source_len;
	struct diag *items; /* owned */
	size_t len, size;
	size_t dropped;		    /* mistakes beyond DIAG_MAX */
	struct diag_hidden *hidden; /* owned */
	size_t hidden_len, hidden_size;
	bool nomem;
};

/* Empty @l and give it copies of the file's name and text; -ENOMEM. */
int diag_list_begin(struct diag_list *l, const char *path, const char *source,
		    size_t source_len) MUST_CHECK;
void diag_list_done(struct diag_list *l);
int diag_addf(struct diag_list *l, unsigned int line, unsigned int col, unsigned int width,
	      const char *fmt, ...) PRINTF_LIKE(5, 6);
void diag_hide(struct diag_list *l, unsigned int line, unsigned int col, unsigned int width);
void diag_sort(struct diag_list *l);		       /* by place, stable */
void diag_print(const struct diag_list *l, FILE *out); /* text with caret lines */
/* {"file", "errors": [{"line", "column", "width", "message"}], "more": N}, one line. */
int diag_print_json(const struct diag_list *l, FILE *out);
#define cleanup_diag_list CLEANUP(diag_list_done)

/*
 * A value as it may be quoted in a message: at most 60 characters, control characters
 * as '?', a secret as <hidden>. Written to dst, which is returned.
 */
#define DIAG_VALUE_MAX 256
const char *diag_value(const char *text, char dst[static DIAG_VALUE_MAX]);

/* diag-mask.c: whether a value, standing alone, looks like a secret. */
bool mask_is_secret(const char *text, size_t len);
/*
 * Mark in hide[0..len) the bytes of one source line that look like a secret: long
 * random words, known token forms, values after a key named like a secret. *in_pem
 * carries a private key's block over its lines; start with false.
 */
void mask_line(const char *line, size_t len, bool *hide, bool *in_pem);
