/*
 * board-json - board.json: what a node must know of its board to take a new kernel
 *
 * /usr/lib/kiln/board.json of the root, written by the desk from boards/<name>/board.yaml, read by
 * `kiln-node boot-update`. Functions as in base-json.h.
 */
#pragma once

#include "json-table.h"

#define BOARD_JSON_SCHEMA 1
#define BOARD_JSON_MAX ((size_t)64 << 10)
#define BOARD_JSON_PATH "/usr/lib/kiln/board.json"

enum board_boot { BOARD_BOOT_RPI, BOARD_BOOT_UEFI };
struct board_json {
	enum board_boot boot;
	struct json_strings modules;   /* of the initrd, by name */
	struct json_strings microcode; /* CPU models: "06-5e" */
};

int board_json_parse(const char *text, size_t len, struct board_json *ret,
		     struct err *err) MUST_CHECK;
int board_json_format(const struct board_json *s, char **ret, size_t *ret_len,
		      struct err *err) MUST_CHECK;
void board_json_done(struct board_json *s);
#define cleanup_board_json CLEANUP(board_json_done)
