/* fuzz-diag - what holds of the mistakes of any file, for the targets of cluster.yaml and
 * board.yaml */
#pragma once

#include "diag.h"

#include <stdlib.h>

static inline void must(bool ok)
{
	if (!ok)
		abort();
}

/* A good file has none; each has a text; a terminal gets no control character but newlines. */
static inline void check_diags(const struct diag_list *diags, bool good)
{
	cleanup_free char *shown = NULL;
	size_t shown_len = 0;
	FILE *out = open_memstream(&shown, &shown_len);

	must(good ? diags->len == 0 : diags->len > 0);
	must(out != NULL);
	diag_print(diags, out);
	(void)fflush(out);
	for (size_t i = 0; i < shown_len; i++)
		must(shown[i] == '\n' || ((unsigned char)shown[i] >= 0x20 && shown[i] != 0x7f));
	must(diag_print_json(diags, out) == 0);
	(void)fclose(out);
	for (size_t i = 0; i < diags->len; i++)
		must(diags->items[i].msg[0] != '\0');
}
