/*
 * base-apt - ask apt what a list of packages means, and bring the .debs
 *
 * apt runs with a private state (no package installed, its own indexes in the cache,
 * only Debian's archive keys) and the desk's own settings for proxies and passwords. So it
 * resolves for any architecture, and verifies what it fetched.
 *
 * The mirror is apt-mirror's matter. Packages of a board's `backports` come from its kernel's
 * suite. A local package (kiln-node.deb) takes part through a repository of its own.
 */
#pragma once

#include "board.h"
#include "lock.h"

struct apt_request {
	const struct cluster *cluster; /* borrowed; for its mirror */
	const struct board *board;     /* borrowed; for backports */
	const char *arch;
	const struct string_list
		*names;	       /* borrowed; "apt" and essential packages come by themselves */
	const char *local_deb; /* a package of Kiln's own that is asked for too; NULL: none */
};
/*
 * Everything that would be installed into an empty root, added to @l as packages, as the
 * set of @rq's board and architecture, and with the mirrors it came from. Uses the network. Not in
 * it: the local package.
 */
int apt_resolve(const struct apt_request *rq, struct lock *l, struct err *err) MUST_CHECK;
/* Bring all packages of a set into the cache: verified by their digests. */
int apt_fetch(const struct lock *l, const struct lock_set *s, bool offline,
	      struct err *err) MUST_CHECK;
/*
 * A repository "<dir>" for mmdebstrap of the .debs at @paths: hard links or copies,
 * Packages, Release. @dir exists and is empty.
 */
int apt_repository(const char *dir, const char *arch, char *const *paths, size_t len,
		   struct err *err) MUST_CHECK;
