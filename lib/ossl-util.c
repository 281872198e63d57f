#include "ossl-util.h"

#include <openssl/err.h>

int err_ossl(struct err *err, const char *what)
{
	unsigned long first = ERR_get_error(); /* the oldest entry is the cause */
	char text[256];

	ERR_clear_error();
	if (ERR_GET_REASON(first) == ERR_R_MALLOC_FAILURE)
		return err_nomem(err);
	if (first == 0)
		return err_setf(err, -EINVAL, "%s", what);
	ERR_error_string_n(first, text, sizeof(text));
	return err_setf(err, -EINVAL, "%s: %s", what, text);
}
