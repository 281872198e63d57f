#include "secrets.h"

#include "file.h"

#include <fcntl.h>
#include <string.h>

#define SECRET_BYTES_MAX ((size_t)64 << 10)

void secret_done(struct secret *s)
{
	if (s->data)
		explicit_bzero(s->data, s->len);
	free(s->data);
	*s = (struct secret){ 0 };
}

int secrets_get(const struct cluster *c, const char *name, struct secret *ret, struct err *err)
{
	cleanup_free char *path = NULL;
	int r;

	if (asprintf(&path, "%s/.kiln/secrets/%s", c->dir, name) < 0)
		return err_nomem(err);
	r = file_read_at(AT_FDCWD, path, SECRET_BYTES_MAX, &ret->data, &ret->len, err);
	if (r == -ENOENT)
		return err_setf(err, r, "'%s' is missing: run 'kiln init'", path);
	return r;
}
