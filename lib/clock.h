/*
 * clock - deadlines on the monotonic clock, in milliseconds
 */
#pragma once

#include "macros.h"

/* Milliseconds since some fixed point; never goes back. */
uint64_t clock_ms(void);
/* For poll: what is left until @deadline_ms (0: no deadline, so -1), at least 0. */
int clock_left_ms(uint64_t deadline_ms);
/* Sleeps the whole time, also when signals arrive. */
void clock_sleep_ms(uint64_t ms);
/* Wall clock, seconds since 1970. SOURCE_DATE_EPOCH is not looked at. */
uint64_t clock_wall_s(void);
