/*
 * modules-set - what modules.c, modules-order.c and modules-read.c share; others use modules.h
 *
 * Names are normalized ("-" is "_") before they are compared; a lookup does it on the stack, so
 * that only reading the index needs memory.
 */
#pragma once

#include "buf.h"
#include "modules.h"

#define MODULES_NAME_MAX 256

struct module {
	char *name;	  /* owned; normalized */
	const char *path; /* into the text of modules.dep */
	const char *deps; /* the same: paths with blanks between, the innermost last */
};

/* One fact about a name: an alias (pattern, module) or a soft dependency (module, words). */
struct fact {
	char *name;	   /* owned; normalized */
	const char *value; /* into a text */
};
struct facts {
	struct fact *items;
	size_t len, size;
};

enum modules_text { DEP, SOFTDEP, ALIAS, BUILTIN, BUILTIN_MODINFO, TEXTS };

struct modules {
	int root_fd;		 /* borrowed */
	char *release;		 /* owned */
	struct buf texts[TEXTS]; /* cut at line ends; everything else points into them */
	struct module *items;	 /* owned, sorted by name */
	size_t len, size;
	struct facts softdeps, aliases, builtins;
};

/* A name as it is compared, in @dst, which is returned; one that is too long is cut: no module. */
const char *modules_normalize(const char *s, char dst[static MODULES_NAME_MAX]);
/* "kernel/fs/fat/vfat.ko.xz" is vfat. */
const char *modules_name_of_path(const char *path, char dst[static MODULES_NAME_MAX]);
/* By normalized names. */
struct module *modules_find(const struct modules *m, const char *normalized);
bool modules_has_builtin(const struct modules *m, const char *normalized);
/* A file below lib/modules/<release>. */
int modules_open_file(const struct modules *m, const char *rel, int *ret,
		      struct err *err) MUST_CHECK;
