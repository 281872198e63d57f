/* secret-resolve - the text behind {env}, {file} or {command}, at bake time */
#include "secrets.h"

#include "file.h"
#include "path.h"
#include "spawn.h"

#include <fcntl.h>
#include <string.h>

#define SECRET_BYTES_MAX ((size_t)64 << 10)
#define COMMAND_MS 300000 /* it may ask a person for a passphrase */

static int from_env(const char *name, struct secret *ret, struct err *err)
{
	const char *value = getenv(name);

	if (!value)
		return err_setf(err, -ENOENT, "environment variable '%s' is not set", name);
	ret->data = strdup(value);
	if (!ret->data)
		return err_nomem(err);
	ret->len = strlen(value);
	return 0;
}

static int from_file(const struct cluster *c, const char *name, struct secret *ret, struct err *err)
{
	cleanup_free char *path = *name == '/' ? strdup(name) : path_join(c->dir, name);

	if (!path)
		return err_nomem(err);
	return file_read_at(AT_FDCWD, path, SECRET_BYTES_MAX, &ret->data, &ret->len, err);
}

static int from_command(const struct cluster *c, char *const *argv, struct secret *ret,
			struct err *err)
{
	struct spawn s = {
		.argv = (const char *const *)argv,
		.dir = c->dir,
		.out_max = SECRET_BYTES_MAX,
		.timeout_ms = COMMAND_MS,
		.flags = SPAWN_SECRET | SPAWN_TTY,
	};
	int r = spawn_run(&s, err);

	if (r < 0) {
		spawn_done(&s);
		return r;
	}
	ret->data = TAKE_PTR(s.out);
	ret->len = s.out_len;
	return 0;
}

int secret_ref_resolve(const struct cluster *c, const struct secret_ref *ref, struct secret *ret,
		       struct err *err)
{
	cleanup_secret struct secret s = { 0 };
	int r = -EINVAL;

	switch (ref->kind) {
	case SECRET_ENV:
		r = from_env(ref->value, &s, err);
		break;
	case SECRET_FILE:
		r = from_file(c, ref->value, &s, err);
		break;
	case SECRET_COMMAND:
		r = from_command(c, ref->argv, &s, err);
		break;
	case SECRET_NONE:
		return err_setf(err, r, "no secret is given");
	}
	if (r < 0)
		return r;
	if (strlen(s.data) != s.len)
		return err_setf(err, -EINVAL, "the secret holds a NUL");
	if (s.len > 0 && s.data[s.len - 1] == '\n') /* editors and commands end their line */
		s.data[--s.len] = '\0';
	if (s.len == 0)
		return err_setf(err, -EINVAL, "the secret is empty");
	*ret = s;
	s = (struct secret){ 0 };
	return 0;
}
