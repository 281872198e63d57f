/*
 * base-list - which packages a board's root has
 *
 * One list of names for every board and both architectures (overlays/packages of the data
 * folder, system.packages), plus the board's own and its kernel. What is
 * built natively is the first list; the board's own are payload where they can be
 * (base-payload.h), so that all boards share one native root.
 */
#pragma once

#include "lock.h"
#include "board.h"

/* Names for the native half; sorted, each once. */
int base_names_native(const struct cluster *c, struct string_list *ret, struct err *err) MUST_CHECK;
/* The same with the board's packages and kernel. */
int base_names_board(const struct cluster *c, const struct board *b, struct string_list *ret,
		     struct err *err) MUST_CHECK;
