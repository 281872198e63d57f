/*
 * userns - run a piece of work as uid 0 over a range of ids, without being root
 *
 * Files of a Debian root have many owners. userns_run() calls fn in a child process
 * that is uid 0 there: the real root when Kiln runs as root, else root of a user
 * namespace in which the caller is 0 and its /etc/subuid range is 1 to 65535
 * (newuidmap, newgidmap of package uidmap). Processes that fn starts inherit it. A
 * folder that the caller made belongs to root inside. What fn made belongs to ids that
 * the caller cannot remove: use userns_remove_tree().
 *
 * The child ends with fn; its result and error text come back. Errors: -EPERM with what
 * to do when no range of ids is set up or the kernel refuses namespaces.
 */
#pragma once

#include "err.h"

typedef int userns_fn(void *arg, struct err *err);

int userns_run(userns_fn *fn, void *arg, struct err *err) MUST_CHECK;
/* Removes a folder and all below, whoever owns it; no error when it is missing. */
int userns_remove_tree(const char *dir, struct err *err) MUST_CHECK;
