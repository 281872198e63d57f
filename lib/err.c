#include "err.h"

#include <stdarg.h>
#include <string.h>

int err_setf(struct err *err, int r, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(err->msg, sizeof(err->msg), fmt, ap);
	va_end(ap);
	err->code = r;
	return r;
}

int err_errnof(struct err *err, int r, const char *fmt, ...)
{
	va_list ap;
	size_t len;

	va_start(ap, fmt);
	(void)vsnprintf(err->msg, sizeof(err->msg), fmt, ap);
	va_end(ap);
	len = strlen(err->msg);
	(void)snprintf(err->msg + len, sizeof(err->msg) - len, ": %s", strerror(-r));
	err->code = r;
	return r;
}

int err_wrapf(struct err *err, int r, const char *fmt, ...)
{
	char old[ERR_TEXT_MAX];
	va_list ap;
	size_t len;

	memcpy(old, err->msg, sizeof(old));
	va_start(ap, fmt);
	(void)vsnprintf(err->msg, sizeof(err->msg), fmt, ap);
	va_end(ap);
	len = strlen(err->msg);
	if (old[0])
		(void)snprintf(err->msg + len, sizeof(err->msg) - len, ": %s", old);
	err->code = r;
	return r;
}

void err_clear(struct err *err)
{
	err->code = 0;
	err->msg[0] = '\0';
}

int err_nomem(struct err *err)
{
	return err_setf(err, -ENOMEM, "out of memory");
}
