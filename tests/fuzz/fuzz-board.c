/*
 * fuzz-board - board.yaml from any bytes
 *
 * Whatever decodes has what the rest of Kiln reads without asking; every mistake is shown as
 * text and as JSON: no crash, no leak, no raw control character.
 */
#include "board.h"
#include "fuzz-diag.h"

#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	cleanup_diag_list struct diag_list diags = { 0 };
	cleanup_board struct board *b = NULL;
	int r = board_parse("board.yaml", (const char *)data, len, &b, &diags);

	must((r == 0) == (b != NULL));
	check_diags(&diags, r == 0);
	if (!b)
		return 0;
	must(b->arch && b->kernel.package && b->interface && b->qemu.machine && b->qemu.console);
	must(b->boot == BOOT_RPI || b->boot == BOOT_UEFI);
	must(b->boot_partition_bytes > 0 && b->boot_partition_type);
	return 0;
}
