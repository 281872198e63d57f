/*
 * board - the data of one board folder: boards/<name>/board.yaml
 *
 * A board is data. What differs in C is only how firmware starts a kernel
 * (boot: rpi or uefi). Sizes are bytes. A board owns its strings.
 */
#pragma once

#include "err.h"

#include <stdbool.h>
#include <stdint.h>

enum boot_kind { BOOT_RPI, BOOT_UEFI };

struct board_strings {
	char **items; /* owned, each too */
	size_t len;
};

struct board {
	char *name; /* the folder's name */
	char *dir;  /* owned; absolute path of the folder */
	char *description;
	char *arch; /* Debian's name: amd64, arm64 */
	enum boot_kind boot;
	struct {
		char *package;		      /* linux-image-arm64 */
		char *suite;		      /* trixie, trixie-backports */
		char *min_version;	      /* "7.2" or NULL */
		struct board_strings cmdline; /* words of the kernel command line */
	} kernel;
	struct board_strings packages;	     /* beside the roles' packages: firmware ... */
	struct board_strings backports;	     /* package names taken from kernel.suite too */
	struct board_strings initrd_modules; /* by name; dependencies are found */
	struct board_strings microcode;	     /* x86: CPU signatures 06-5e ...; empty elsewhere */
	char *boot_partition_type;	     /* GUID of GPT entry 1 */
	uint64_t boot_partition_bytes;
	char *interface; /* its Ethernet's name: end0, enp0s31f6 */
	struct {
		char *machine, *cpu; /* qemu -M, -cpu */
		char *firmware;	     /* "ovmf" or NULL: kernel and initrd read from the FAT */
		char *console;	     /* ttyS0, ttyAMA0 */
		uint64_t memory_bytes;
	} qemu;
};

struct diag_list;

/*
 * A board.yaml's text; @path is for its mistakes, which are all in @diags. Name and folder stay
 * NULL: board_load() knows them. -EINVAL: mistakes; -ENOMEM.
 */
int board_parse(const char *path, const char *text, size_t len, struct board **ret,
		struct diag_list *diags) MUST_CHECK;
int board_load(const char *name, struct board **ret, struct err *err) MUST_CHECK;
void board_free(struct board *b);
static inline void board_freep(struct board **b)
{
	board_free(*b);
}
#define cleanup_board CLEANUP(board_freep)
/* Whether the data folder has a board of that name. */
bool board_exists(const char *name);
/* Names of all boards of the data folder, sorted, joined with ", " (owned by the caller). */
char *board_names(void);
