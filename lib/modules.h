/*
 * modules - which kernel modules to load, and in which order
 *
 * Reads what depmod and the kernel's build left in lib/modules/<release>:
 * modules.dep, modules.softdep, modules.alias, modules.builtin and
 * modules.builtin.modinfo. In names "-" and "_" are the same. A name may be a
 * module's, a built-in's, or an alias (patterns as in modules.alias).
 *
 * modules_resolve() gives paths below lib/modules/<release>, each once, so that
 * loading them one after another without modprobe works: before a module stand
 * its soft dependencies of the kind "pre", then its dependencies; after it the
 * ones of the kind "post". What is built in yields nothing.
 *
 * Ownership: the set owns all; results are owned by the caller (modules_list_done).
 * Errors: -ENOENT names the module, and the module that needs it; a soft dependency
 * that this kernel lacks is no error (modprobe ignores it too) but is listed.
 */
#pragma once

#include "err.h"

#include <stdbool.h>
#include <stdint.h>

struct modules;

struct modules_list {
	char **items; /* owned, each too */
	size_t len;
};

/* @root_fd is borrowed for the life of the set. */
int modules_open(int root_fd, const char *release, struct modules **ret,
		 struct err *err) MUST_CHECK;
void modules_free(struct modules *m);
static inline void modules_freep(struct modules **m)
{
	modules_free(*m);
}
#define cleanup_modules CLEANUP(modules_freep)

/* Path of a module below lib/modules/<release>; NULL: not a module of its own. */
const char *modules_path(const struct modules *m, const char *name);
bool modules_is_builtin(const struct modules *m, const char *name);
/* @ret_missing_soft may be NULL. */
int modules_resolve(const struct modules *m, char *const *names, size_t len,
		    struct modules_list *ret, struct modules_list *ret_missing_soft,
		    struct err *err) MUST_CHECK;
/* Contents of a module, decompressed (.ko, .ko.xz, .ko.zst, .ko.gz); owned by the caller. */
int modules_read(const struct modules *m, const char *path, char **ret, size_t *ret_len,
		 struct err *err) MUST_CHECK;
void modules_list_done(struct modules_list *l);
#define cleanup_modules_list CLEANUP(modules_list_done)
