/*
 * notify - tell systemd how we are (sd_notify(3): one datagram, no library)
 *
 * Does nothing without $NOTIFY_SOCKET. Source: systemd's sd_notify(3), "Standalone
 * Implementations".
 */
#pragma once

#include "macros.h"

#include <stdint.h>

/* "READY=1\nSTATUS=...". Failure is no reason to stop and is not told. */
void notify_sendf(const char *fmt, ...) PRINTF_LIKE(1, 2);
/* $WATCHDOG_USEC when it is meant for this process: 0 without. */
uint64_t notify_watchdog_us(void);
