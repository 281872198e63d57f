/*
 * base-arch - what differs by architecture in the names of a Debian root
 *
 * A new architecture is a new row in base-arch.c.
 */
#pragma once

#include "buf.h"

#include <stdbool.h>

struct deb_arch {
	const char *name;    /* dpkg's: amd64 */
	const char *triplet; /* x86_64-linux-gnu */
	const char *loader;  /* lib64/ld-linux-x86-64.so.2 */
	const char *machine; /* uname -m */
	unsigned int elf_machine;
};

const struct deb_arch *deb_arch_find(const char *name); /* NULL: not known */
const struct deb_arch *deb_arch_desk(void);		/* of the machine that bakes */
/* Appends text with triplet, loader and ":arch" of @from changed to those of @to. */
int arch_translate(struct buf *out, const char *text, const struct deb_arch *from,
		   const struct deb_arch *to);
/* Whether a text holds the architecture's triplet or name. */
bool arch_named_in(const char *text, const struct deb_arch *a);
