/*
 * log - debug lines on stderr, off unless asked for (KILN_DEBUG=1 or --debug)
 *
 * Code below main() is silent except for these (STYLE 20). Secrets are never
 * passed to it.
 */
#pragma once

#include "macros.h"

#include <stdbool.h>

void log_set_debug(bool on);
bool log_debug_on(void);
void log_debugf(const char *fmt, ...) PRINTF_LIKE(1, 2);
