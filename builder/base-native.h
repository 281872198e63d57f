/*
 * base-native - mmdebstrap builds a root of exactly these .debs, and sets it up
 *
 * Scripts run: natively, or under qemu-user when @arch is not the desk's (--emulate).
 * It is started and waited for separately, so that other work goes on meanwhile.
 * After the packages: locale, time zone, the login account (key only), apt's sources.
 */
#pragma once

#include "buf.h"
#include "lock.h"
#include "spawn.h"

struct tempfile;
struct native_build {
	struct tempfile *tmp; /* owned; the local repository, the set-up script, the log */
	struct child child;
	int log_fd; /* owned */
};

struct native_spec { /* all borrowed for the call */
	const struct cluster *cluster;
	const struct lock *lock; /* for the mirrors of apt's sources */
	const char *arch;
	char *const *paths; /* the .debs */
	size_t len;
	const struct string_list *names; /* asked for; the rest counts as automatically installed */
	int64_t epoch_s; /* SOURCE_DATE_EPOCH of what scripts make; never 0: an account
			    made then would have to change its password at once */
	int tar_fd;	 /* where the tar goes */
};
int native_start(const struct native_spec *spec, struct native_build *ret,
		 struct err *err) MUST_CHECK;
int native_wait(struct native_build *n, struct err *err) MUST_CHECK;
/* Ends it when it still runs; accepts a zeroed struct. */
void native_done(struct native_build *n);
#define cleanup_native CLEANUP(native_done)
/* All that goes into a native root beside packages, as text for its key. */
int native_inputs(const struct cluster *c, const struct lock *l, struct buf *out,
		  struct err *err) MUST_CHECK;
