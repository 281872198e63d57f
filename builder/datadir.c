#include "datadir.h"

#include "path.h"

#include <limits.h>
#include <string.h>

#define PLACES 2

/* "<folder of the program>/<rel>", or NULL */
static char *beside_program(const char *rel)
{
	char exe[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", exe, sizeof(exe) - 1);
	char *slash;

	if (n <= 0)
		return NULL;
	exe[n] = '\0';
	slash = strrchr(exe, '/');
	if (!slash)
		return NULL;
	*slash = '\0';
	return path_join(exe, rel);
}

/* The first place that is there; *ret_tried names all that were looked at. */
static char *find_dir(char *tried, size_t size)
{
	static const char *const places[PLACES] = { "share/kiln", "../share/kiln" };
	const char *env = getenv("KILN_DATADIR");

	if (env && *env) {
		(void)snprintf(tried, size, "'%s' (KILN_DATADIR)", env);
		return access(env, X_OK) == 0 ? strdup(env) : NULL;
	}
	tried[0] = '\0';
	for (size_t i = 0; i < PLACES; i++) {
		cleanup_free char *dir = beside_program(places[i]);
		size_t len = strlen(tried);

		if (!dir)
			continue;
		if (access(dir, X_OK) == 0)
			return TAKE_PTR(dir);
		(void)snprintf(tried + len, size - len, "%s'%s'", len ? ", " : "", dir);
	}
	return NULL;
}

int datadir_path(const char *rel, char **ret, struct err *err)
{
	char tried[2 * PATH_MAX];
	cleanup_free char *dir = find_dir(tried, sizeof(tried));
	cleanup_free char *path = NULL;

	if (!dir)
		return err_setf(err, -ENOENT, "cannot find Kiln's own data: looked for %s", tried);
	path = *rel ? path_join(dir, rel) : strdup(dir);
	if (!path)
		return err_nomem(err);
	if (access(path, F_OK) < 0)
		return err_setf(err, -ENOENT, "cannot find '%s' in Kiln's data: '%s' is not there",
				rel, path);
	*ret = TAKE_PTR(path);
	return 0;
}
