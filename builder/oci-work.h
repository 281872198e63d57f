/*
 * oci-work - where container images are fetched and packed: one kiln at a time
 *
 * "<cache>/oci/": beside the names of archives, folders "fetch-*" and files ".new.*" that are
 * half-made. What a killed run left there is removed by the next one that has the lock.
 */
#pragma once

#include "err.h"
#include "phase.h"

/* Waits for another kiln (a phase of @p says so); closing the descriptor gives the lock back. */
int oci_work_lock(struct phases *p, struct err *err) MUST_CHECK;
/* "<cache>/oci", owned by the caller. */
int oci_work_dir(char **ret, struct err *err) MUST_CHECK;
