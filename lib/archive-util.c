#include "archive-util.h"

#include <stdarg.h>
#include <string.h>

int err_archive(struct err *err, struct archive *a, const char *fmt, ...)
{
	const char *text = archive_error_string(a);
	int number = archive_errno(a);
	char context[1024];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(context, sizeof(context), fmt, ap);
	va_end(ap);
	/* libarchive's own numbers: MISC is -1, FILE_FORMAT is EILSEQ, PROGRAMMER is EINVAL */
	if (number <= 0 || number == EILSEQ || number == EINVAL)
		return err_setf(err, number > 0 ? -number : -EBADMSG, "%s: %s", context,
				text ? text : "unknown failure of libarchive");
	/* "Write failed" alone does not tell that there is no room */
	return err_setf(err, -number, "%s: %s%s%s", context, text ? text : "", text ? ": " : "",
			strerror(number));
}
