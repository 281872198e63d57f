/*
 * clock-floor - a clock that was never set starts at a time that has surely passed
 *
 * Boards without a battery start in 1970, where every certificate is not yet valid. The
 * clock is set forward only, to the latest of: the base's creation, the seed's
 * bake time, the last time systemd-timesyncd saved.
 */
#pragma once

#include "err.h"

/* The latest of @at_least (seconds since 1970) and the root's /var/lib/systemd/timesync/clock. */
int64_t clock_floor_find(int root_fd, int64_t at_least);
/* 1: the clock was set, 0: it is later already. */
int clock_floor_set(int64_t floor_s, struct err *err) MUST_CHECK;
