/* secret-check - whether a secret could be resolved, without reading more than its place */
#include "secrets.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>

static int check_env(const char *name, struct err *err)
{
	const char *value = getenv(name);

	if (!value)
		return err_setf(err, -ENOENT, "environment variable '%s' is not set", name);
	if (!*value)
		return err_setf(err, -ENOENT, "environment variable '%s' is empty", name);
	return 0;
}

static int check_file(const struct cluster *c, const char *name, struct err *err)
{
	cleanup_free char *path = cluster_path(c, name);
	struct stat st;

	if (!path)
		return err_nomem(err);
	if (stat(path, &st) < 0)
		return err_errnof(err, -errno, "cannot read '%s'", path);
	if (!S_ISREG(st.st_mode))
		return err_setf(err, -EINVAL, "'%s' is not a file", path);
	if (st.st_size == 0)
		return err_setf(err, -EINVAL, "'%s' is empty", path);
	if (access(path, R_OK) < 0)
		return err_errnof(err, -errno, "cannot read '%s'", path);
	return 0;
}

/* The program as execvp would find it; a path with a slash is relative to cluster.yaml. */
static int check_program(const struct cluster *c, const char *name, struct err *err)
{
	const char *dirs = getenv("PATH");
	char path[PATH_MAX];

	if (strchr(name, '/')) {
		cleanup_free char *own = cluster_path(c, name);

		if (!own)
			return err_nomem(err);
		return access(own, X_OK) == 0 ? 0 : err_errnof(err, -errno, "cannot run '%s'", own);
	}
	for (const char *p = dirs && *dirs ? dirs : "/usr/bin:/bin"; *p;) {
		size_t len = strcspn(p, ":");
		struct stat st;

		(void)snprintf(path, sizeof(path), "%.*s/%s", (int)len, p, name);
		if (len > 0 && stat(path, &st) == 0 && S_ISREG(st.st_mode) &&
		    access(path, X_OK) == 0)
			return 0;
		p += len + (p[len] == ':');
	}
	return err_setf(err, -ENOENT, "no program '%s' in PATH", name);
}

int secret_ref_check(const struct cluster *c, const struct secret_ref *ref, struct err *err)
{
	switch (ref->kind) {
	case SECRET_ENV:
		return check_env(ref->value, err);
	case SECRET_FILE:
		return check_file(c, ref->value, err);
	case SECRET_COMMAND:
		return check_program(c, ref->argv[0], err);
	default:
		return 0;
	}
}
