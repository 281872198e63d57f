#include "base-kernel.h"
#include "copy.h"
#include "file.h"
#include "spawn.h"
#include "tempfile.h"
#include "tree.h"

#include <fcntl.h>
#include <string.h>

#define DEPMOD_MS (600U * 1000)
#define INDEX_MAX (16U << 20)

void kernel_files_done(struct kernel_files *k)
{
	free(k->release);
	free(k->dir);
	tempfile_free(k->tmp);
	*k = (struct kernel_files){ 0 };
}

/* "usr/lib/modules/<release>/..." or "lib/modules/...": what is behind "modules/", else NULL. */
static const char *below_modules(const char *path)
{
	if (strncmp(path, "usr/", 4) == 0)
		path += 4;
	return strncmp(path, "lib/modules/", 12) == 0 ? path + 12 : NULL;
}

static int find_release(const struct deb *debs, size_t len, char **ret, struct err *err)
{
	cleanup_free char *release = NULL;

	for (size_t i = 0; i < len; i++) {
		for (size_t k = 0; k < debs[i].files_len; k++) {
			const char *p = below_modules(debs[i].files[k].path);
			size_t n = p ? strcspn(p, "/") : 0;

			if (!n || strcmp(p + n, "/modules.builtin") != 0)
				continue;
			if (release && (strlen(release) != n || memcmp(release, p, n) != 0))
				return err_setf(err, -EINVAL,
						"the packages bring two kernels: %s and %.*s",
						release, (int)n, p);
			if (!release)
				release = strndup(p, n);
			if (!release)
				return err_nomem(err);
		}
	}
	if (!release)
		return err_setf(err, -ENOENT, "no package brings a kernel (modules.builtin)");
	*ret = TAKE_PTR(release);
	return 0;
}

static int put_file(const char *dir, const char *path, const struct deb_file *f, int spool_fd,
		    struct err *err)
{
	cleanup_free char *to = NULL, *parent = NULL;
	cleanup_close int fd = -EBADF;
	int r;

	if (asprintf(&to, "%s/lib/modules/%s", dir, path) < 0)
		return err_nomem(err);
	parent = strndup(to, (size_t)(strrchr(to, '/') - to));
	if (!parent)
		return err_nomem(err);
	r = tree_mkdirs_at(AT_FDCWD, parent, 0755, err);
	if (r < 0)
		return r;
	fd = neg_errno(open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
	if (fd < 0)
		return err_errnof(err, fd, "cannot create '%s'", to);
	return copy_range(spool_fd, f->offset_bytes, fd, 0, f->size_bytes, err);
}

int kernel_depmod(const struct deb *debs, size_t len, int spool_fd, struct kernel_files *ret,
		  struct err *err)
{
	cleanup_kernel struct kernel_files k = { 0 };
	cleanup_spawn struct spawn s = { .timeout_ms = DEPMOD_MS };
	int r;

	r = find_release(debs, len, &k.release, err);
	if (r >= 0)
		r = tempfile_new_dir(NULL, "kiln-modules-", &k.tmp, err);
	if (r < 0)
		return r;
	k.dir = strdup(k.tmp->path);
	if (!k.dir)
		return err_nomem(err);
	for (size_t i = 0; i < len; i++) {
		for (size_t n = 0; n < debs[i].files_len; n++) {
			const struct deb_file *f = &debs[i].files[n];
			const char *path =
				S_ISREG(f->mode) && !f->hardlink ? below_modules(f->path) : NULL;

			if (!path || !(strstr(path, ".ko") || strstr(path, "/modules.")))
				continue;
			r = put_file(k.dir, path, f, spool_fd, err);
			if (r < 0)
				return r;
		}
	}
	s.argv = (const char *const[]){ "depmod", "-b", k.dir, k.release, NULL };
	r = spawn_run(&s, err);
	if (r < 0)
		return r;
	*ret = k;
	k = (struct kernel_files){ 0 };
	return 0;
}

int kernel_add(struct rootfs *root, const struct kernel_files *k, struct err *err)
{
	cleanup_name_list struct name_list names = { 0 };
	cleanup_free char *dir = NULL;
	char path[ROOTFS_PATH_MAX], phys[ROOTFS_PATH_MAX];
	int r;

	if (asprintf(&dir, "%s/lib/modules/%s", k->dir, k->release) < 0)
		return err_nomem(err);
	r = tree_list_at(AT_FDCWD, dir, &names, err);
	for (size_t i = 0; i < names.len && r >= 0; i++) {
		cleanup_free char *data = NULL;
		size_t len = 0;

		if (strncmp(names.items[i], "modules.", 8) != 0)
			continue;
		(void)snprintf(path, sizeof(path), "lib/modules/%s/%s", k->release, names.items[i]);
		r = rootfs_resolve(root, path, phys, err);
		if (r < 0 ||
		    rootfs_find(root, phys)) /* the package's own: modules.builtin, modules.order */
			continue;
		(void)snprintf(path, sizeof(path), "%s/%s", dir, names.items[i]);
		r = file_read_at(AT_FDCWD, path, INDEX_MAX, &data, &len, err);
		if (r >= 0)
			r = rootfs_put_file(root, phys, 0644, data, len, err);
	}
	return r;
}
