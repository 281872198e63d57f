/*
 * fuzz-fdt - a flattened device tree, from any bytes, and all that is asked of one
 */
#include "fdt.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	cleanup_fdt struct fdt f = { 0 };
	struct err err = { 0 };
	char path[256];

	if (fdt_open(data, len, &f, &err) < 0) {
		if (err.code >= 0 || !err.msg[0])
			abort();
		return 0;
	}
	for (size_t i = 0; i < f.nodes_len; i++) {
		const struct fdt_prop *p = fdt_prop(&f, (int)i, "compatible");
		uint32_t cell = 0;

		(void)fdt_is_enabled(&f, (int)i);
		(void)fdt_is_compatible(&f, (int)i, "x");
		(void)fdt_path(&f, (int)i, path, sizeof(path));
		for (size_t c = 0; p && fdt_cell(p, c, &cell); c++)
			(void)fdt_by_phandle(&f, cell);
		if (f.nodes[i].parent >= (int)i)
			abort();
	}
	return 0;
}
