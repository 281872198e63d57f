#include "log.h"

#include <stdarg.h>

static bool debug_on;

void log_set_debug(bool on)
{
	debug_on = on;
}

bool log_debug_on(void)
{
	return debug_on;
}

void log_debugf(const char *fmt, ...)
{
	int saved = errno;
	va_list ap;

	if (!debug_on)
		return;
	va_start(ap, fmt);
	flockfile(stderr);
	fputs("debug: ", stderr);
	(void)vfprintf(stderr, fmt, ap);
	fputc('\n', stderr);
	funlockfile(stderr);
	va_end(ap);
	errno = saved;
}
