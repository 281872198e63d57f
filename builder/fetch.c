#include "cache.h"
#include "fetch.h"

#include <string.h>

int fetch_file(const struct lock_file *f, struct http *h, char **ret, struct err *err)
{
	struct http_download d = { .url = f->url, .sha256 = f->sha256 };
	cleanup_free char *path = NULL;
	char rel[80];
	int r;

	r = cache_find(f->sha256, ret, err);
	if (r != 0)
		return r < 0 ? r : 0;
	if (!h)
		return err_setf(err, -ENOENT,
				"%s %s for %s is not in the cache; 'kiln fetch' brings it", f->name,
				f->version, f->arch);
	(void)snprintf(rel, sizeof(rel), "sha256/%s", f->sha256);
	r = cache_path(rel, &path, err);
	if (r >= 0)
		r = http_download(h, &d, path, err);
	if (r < 0)
		return err_wrapf(err, r, "cannot fetch %s %s for %s", f->name, f->version, f->arch);
	*ret = TAKE_PTR(path);
	return 0;
}
