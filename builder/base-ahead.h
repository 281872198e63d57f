/*
 * base-ahead - the root of a further board, made while this process is at the first one
 *
 * Boards of one cluster share the native half. A process per further board unpacks its packages
 * while mmdebstrap works for the first, and has its root in the cache by the time
 * base_root_get() asks for it, or is waited for there. It says nothing: base_root_get() meets
 * the same trouble and reports it.
 *
 *	CLEANUP(base_ahead_done) struct base_ahead ahead = { 0 };
 *	base_ahead_start(&ahead, c, "m910q", flags);
 */
#pragma once

#include "cluster.h"

#include <sys/types.h>

#define BASE_AHEAD_MAX 8

struct base_ahead {
	pid_t pids[BASE_AHEAD_MAX];
	size_t len;
};
/* @flags: enum base_flags. Does nothing when no process can be had. */
void base_ahead_start(struct base_ahead *a, const struct cluster *c, const char *board,
		      unsigned int flags);
/* Ends those that are still at work, with what they left half-made. */
void base_ahead_done(struct base_ahead *a);
