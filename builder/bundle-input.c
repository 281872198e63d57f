#include "bundle-input.h"

#include "cache.h"
#include "lock.h"

#include <string.h>

static int from_lock(const struct bundle_model *m, const char *name, const char *version,
		     char dst[65], struct err *err)
{
	cleanup_lock struct lock l = { 0 };
	const struct lock_file *f;
	int r = m->lock ? 0 : lock_load(m->cluster, &l, err);

	if (r < 0)
		return r;
	f = lock_file(m->lock ?: &l, name, "all");
	if (!f || strlen(f->sha256) != 64)
		return err_setf(err, -ENOENT, "'%s' is not in kiln.lock; run 'kiln update'", name);
	if (version && strcmp(f->version, version) != 0)
		return err_setf(err, -ENOENT, "kiln.lock has version %s; run 'kiln update'",
				f->version);
	(void)stpcpy(dst, f->sha256);
	return 0;
}

char *bundle_input_chart(const struct component_source *s)
{
	char *ret = NULL;

	return asprintf(&ret, "chart/%s/%s", s->repository ?: s->archive, s->chart) < 0 ? NULL
											: ret;
}

/* Would 'kiln fetch' bring it? */
static bool is_locked(const struct bundle_model *m, const char *name, const char *sha256)
{
	struct err none = { 0 };
	char hex[65];

	return from_lock(m, name, NULL, hex, &none) == 0 && strcmp(hex, sha256) == 0;
}

int bundle_input_find(const struct bundle_model *m, const char *name, const char *version,
		      const char *sha256, char **ret_path, struct err *err)
{
	char hex[65];
	int r;

	if (!sha256) {
		r = from_lock(m, name, version, hex, err);
		if (r < 0)
			return r;
		sha256 = hex;
	}
	r = cache_find(sha256, ret_path, err);
	if (r == 0)
		return err_setf(err, -ENOENT, "'%s' is not in the cache; run %s'kiln fetch'", name,
				is_locked(m, name, sha256) ? "" : "'kiln update' and ");
	return r < 0 ? r : 0;
}
