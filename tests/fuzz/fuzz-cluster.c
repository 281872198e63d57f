/*
 * fuzz-cluster - cluster.yaml and the text around mistakes, from any bytes
 *
 * The text goes through everything that cluster_load() does after reading the file, and
 * every mistake is shown as text and as JSON: no crash, no leak, no raw control character.
 */
#include "cluster.h"
#include "cluster-tables.h"
#include "fuzz-diag.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	cleanup_diag_list struct diag_list diags = { 0 };
	cleanup_cluster struct cluster *c = NULL;
	int r = cluster_parse("cluster.yaml", (const char *)data, len, &c, &diags);

	must((r == 0) == (c != NULL));
	check_diags(&diags, r == 0);
	return 0;
}
