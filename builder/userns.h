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
 * The child has the umask 022 and ends with fn; its result and error text come back. Errors: -EPERM
 * with what to do when no range of ids is set up or the kernel refuses namespaces.
 */
#pragma once

#include "err.h"

#include <stdbool.h>
#include <sys/types.h>

typedef int userns_fn(void *arg, struct err *err);

int userns_run(userns_fn *fn, void *arg, struct err *err) MUST_CHECK;

/*
 * The same beside us. What fn changes of *arg stays in its process.
 *
 *	cleanup_userns_job struct userns_job job = { 0 };
 *	r = userns_start(fn, arg, &job, err);
 *	... other work ...
 *	r = userns_wait(&job, err);                       fn's result and text
 */
struct userns_job {
	pid_t pid;     /* 0: none, or waited for */
	int answer_fd; /* owned while pid is set */
	bool ended;    /* before its ids were mapped */
};
int userns_start(userns_fn *fn, void *arg, struct userns_job *ret, struct err *err) MUST_CHECK;
int userns_wait(struct userns_job *job, struct err *err) MUST_CHECK;
/* Ends fn, with what it had started, unless it was waited for. Accepts a zeroed struct. */
void userns_job_done(struct userns_job *job);
#define cleanup_userns_job CLEANUP(userns_job_done)
/* Removes a folder and all below, whoever owns it; no error when it is missing. */
int userns_remove_tree(const char *dir, struct err *err) MUST_CHECK;
