/*
 * apt-mirror - where Debian comes from: at the desk, and on the nodes later
 *
 * `kiln update` finds the mirrors and writes them into kiln.lock beside the packages: those of
 * cluster.yaml (system.mirror, system.security_mirror), else the ones that the desk's apt uses
 * for its own Debian. Everything later reads the lock, so that equal locks give equal
 * images on any desk, and `kiln plan` asks no program.
 *
 * No mirror is built in. -ENOENT: none is known, with the key or the command that helps.
 */
#pragma once

#include "lock.h"

#define BASE_SUITE "trixie"

/* Fill @l's mirrors. Asks apt only for what cluster.yaml leaves open. */
int apt_mirror_find(const struct cluster *c, struct lock *l, struct err *err) MUST_CHECK;
/*
 * The first sites of Debian's plain suite and of -security in what `apt-get indextargets` wrote as
 * "SITE CODENAME COMPONENT ORIGIN" lines; only those that a node could reach too (http,
 * https). @out is taken apart. What is not found stays as it was; -ENOMEM.
 */
int apt_mirror_parse(char *out, char **ret_main, char **ret_security);
/* The text of /etc/apt/sources.list.d/debian.sources; owned by the caller. cluster.yaml wins. */
int apt_sources(const struct cluster *c, const struct lock *l, char **ret,
		struct err *err) MUST_CHECK;
