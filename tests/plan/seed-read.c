/* Imports a seed as kiln-init does: seed-read BOOT-FOLDER ROOT-FOLDER BASE-ID BOARD MAC */
#include "seed-import.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>

int main(int argc, char **argv)
{
	cleanup_seed_info struct seed_info info = { 0 };
	struct machine machine = { .macs_len = 1 };
	struct base_json base = { 0 };
	struct seed_place place = { .base = &base, .machine = &machine };
	struct err err = { 0 };
	int r;

	if (argc != 6)
		return 2;
	base.id = argv[3];
	base.board = argv[4];
	base.cluster_id = (char *)"0123456789abcdef0123456789abcdef";
	(void)snprintf(machine.macs[0], sizeof(machine.macs[0]), "%s", argv[5]);
	place.boot_fd = open(argv[1], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	place.root_fd = open(argv[2], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	r = seed_import(&place, &info, &err);
	if (r < 0)
		fprintf(stderr, "seed-read: %s\n", err.msg);
	if (info.notes)
		fprintf(stderr, "%s\n", info.notes);
	if (r >= 0 && info.imported)
		printf("%s\n", info.json.node);
	return r < 0 || !info.imported;
}
