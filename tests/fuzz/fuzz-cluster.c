/*
 * fuzz-cluster - cluster.yaml, board.yaml and the text around mistakes, from any bytes
 *
 * The text goes through everything that cluster_load() does after reading the file, and
 * every mistake is shown as text and as JSON: no crash, no leak, no raw control character.
 */
#include "cluster.h"
#include "cluster-tables.h"
#include "diag.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void must(bool ok)
{
	if (!ok)
		abort();
}

/* What a terminal gets holds no control character but newlines. */
static void check_shown(const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++)
		must(text[i] == '\n' || ((unsigned char)text[i] >= 0x20 && text[i] != 0x7f));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	cleanup_diag_list struct diag_list diags = { 0 };
	cleanup_cluster struct cluster *c = NULL;
	cleanup_free char *shown = NULL;
	size_t shown_len = 0;
	FILE *out;
	int r = cluster_parse("cluster.yaml", (const char *)data, len, &c, &diags);

	must((r == 0) == (c != NULL));
	must(r == 0 ? diags.len == 0 : diags.len > 0);
	out = open_memstream(&shown, &shown_len);
	must(out != NULL);
	diag_print(&diags, out);
	(void)fflush(out);
	check_shown(shown, shown_len);
	must(diag_print_json(&diags, out) == 0);
	(void)fclose(out);
	for (size_t i = 0; i < diags.len; i++)
		must(diags.items[i].msg[0] != '\0');
	return 0;
}
