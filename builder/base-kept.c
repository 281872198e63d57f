#include "base-kept.h"
#include "buf.h"
#include "cache.h"
#include "file.h"
#include "json.h"

#include <fcntl.h>
#include <string.h>
#include <sys/file.h>

#define META_MAX (1U << 20)

void base_root_done(struct base_root *r)
{
	for (size_t i = 0; i < r->packages_len; i++) {
		free(r->packages[i].name);
		free(r->packages[i].version);
		free(r->packages[i].arch);
		free(r->packages[i].sha256);
	}
	free(r->packages);
	free(r->tar);
	free(r->kernel);
	*r = (struct base_root){ 0 };
}

int base_kept_path(const char *prefix, const char *key, const char *ext, char **ret,
		   struct err *err)
{
	char rel[256];

	(void)snprintf(rel, sizeof(rel), "base/%s%s.%s", prefix, key, ext);
	return cache_path(rel, ret, err);
}

int base_kept_lock(const char *key, int how, int *ret_fd, struct err *err)
{
	cleanup_free char *path = NULL;
	cleanup_close int fd = -EBADF;
	int r = base_kept_path("", key, "lock", &path, err);

	if (r < 0)
		return r;
	fd = neg_errno(open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644));
	if (fd < 0)
		return err_errnof(err, fd, "cannot open '%s'", path);
	do
		r = neg_errno(flock(fd, how));
	while (r == -EINTR);
	if (r < 0)
		return err_errnof(err, r, "cannot lock '%s'", path);
	*ret_fd = TAKE_FD(fd);
	return 0;
}

int base_kept_describe(const struct base_inputs *in, int64_t tar_bytes, const char *kernel,
		       struct err *err)
{
	cleanup_buf struct buf text = BUF_INIT(META_MAX);
	cleanup_free char *meta = NULL;
	int r = base_kept_path("", in->key, "json", &meta, err);

	if (r < 0)
		return r;
	(void)buf_addf(&text, "{\"bytes\":%lld,\"kernel\":\"%s\"}\n", (long long)tar_bytes, kernel);
	if (buf_error(&text) < 0)
		return err_nomem(err);
	return file_replace_at(AT_FDCWD, meta, buf_str(&text), text.len, 0644, err);
}

static int add_packages(const struct base_inputs *in, struct base_root *ret, struct err *err)
{
	ret->packages = calloc(in->target->packages.len + 1, sizeof(*ret->packages));
	if (!ret->packages)
		return err_nomem(err);
	for (size_t i = 0; i < in->target->packages.len; i++) {
		const struct lock_package *p = lock_find(&in->lock, in->target->packages.items[i]);
		struct base_package *to = &ret->packages[ret->packages_len++];

		*to = (struct base_package){ strdup(p->name), strdup(p->version), strdup(p->arch),
					     strdup(p->sha256) };
		if (!to->name || !to->version || !to->arch || !to->sha256)
			return err_nomem(err);
	}
	return 0;
}

int base_kept_find(const struct base_inputs *in, struct base_root *ret, struct err *err)
{
	cleanup_base_root struct base_root root = { 0 };
	cleanup_free char *meta = NULL, *text = NULL;
	cleanup_json json_t *j = NULL;
	const char *kernel;
	size_t len;
	int r;

	r = base_kept_path("", in->key, "tar", &root.tar, err);
	if (r >= 0)
		r = base_kept_path("", in->key, "json", &meta, err);
	if (r < 0)
		return r;
	if (access(root.tar, R_OK) < 0)
		return err_setf(err, -ENOENT, "the base root %.12s is not built yet", in->key);
	r = file_read_at(AT_FDCWD, meta, META_MAX, &text, &len, err);
	if (r >= 0)
		r = js_read(text, len, &j, err);
	if (r >= 0)
		r = jget_str(j, "kernel", &kernel, err);
	if (r >= 0)
		r = jget_u64(j, "bytes", &root.tar_bytes, err);
	if (r >= 0)
		r = add_packages(in, &root, err);
	if (r < 0)
		return err_wrapf(err, r, "cached base root '%s'", root.tar);
	root.kernel = strdup(kernel);
	if (!root.kernel)
		return err_nomem(err);
	memcpy(root.key, in->key, sizeof(root.key));
	*ret = root;
	root = (struct base_root){ 0 };
	return 0;
}
