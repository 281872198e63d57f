/* base-repo - a Debian repository of some .debs on this machine; see base-apt.h */
#include "apt-mirror.h"
#include "base-apt.h"
#include "buf.h"
#include "copy.h"
#include "deb.h"
#include "digest.h"
#include "file.h"
#include "tree.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#define PACKAGES_MAX (64U << 20)

/* A hard link where it may be, else a copy: mmdebstrap reads it as another user. */
static int place(const char *from, const char *to, struct err *err)
{
	cleanup_close int in = -EBADF, out = -EBADF;

	if (link(from, to) == 0)
		return 0;
	in = neg_errno(open(from, O_RDONLY | O_CLOEXEC));
	if (in < 0)
		return err_errnof(err, in, "cannot open '%s'", from);
	out = neg_errno(open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644));
	if (out < 0)
		return err_errnof(err, out, "cannot create '%s'", to);
	return copy_sparse(in, out, NULL, err);
}

static int add_package(struct buf *b, const char *dir, const char *path, struct err *err)
{
	cleanup_deb struct deb d = { 0 };
	cleanup_free char *to = NULL;
	const struct deb_member *control;
	char hex[SHA256_HEX_MAX];
	struct stat st;
	size_t len;
	int r;

	r = deb_read_control(path, &d, err);
	if (r < 0)
		return r;
	if (asprintf(&to, "%s/pool/%s_%s.deb", dir, d.package, d.arch) < 0)
		return err_nomem(err);
	r = place(path, to, err);
	if (r >= 0)
		r = sha256_file_at(AT_FDCWD, to, hex, err);
	if (r >= 0 && stat(to, &st) < 0)
		r = err_errnof(err, -errno, "cannot read '%s'", to);
	if (r < 0)
		return r;
	control = deb_member(&d, "control");
	len = control->len;
	while (len && control->data[len - 1] == '\n')
		len--;
	(void)buf_add(b, control->data, len);
	(void)buf_addf(b, "\nFilename: %s\nSize: %llu\nSHA256: %s\n\n", to + strlen(dir) + 1,
		       (unsigned long long)st.st_size, hex);
	return buf_error(b) < 0 ? err_nomem(err) : 0;
}

static int put_release(const char *dir, const char *arch, const struct buf *packages,
		       struct err *err)
{
	cleanup_buf struct buf b = BUF_INIT(4096);
	cleanup_free char *path = NULL;
	char hex[SHA256_HEX_MAX];

	(void)sha256_mem_hex(buf_str(packages), packages->len, hex);
	(void)buf_addf(
		&b,
		"Origin: Debian\nLabel: Debian\nSuite: " BASE_SUITE "\nCodename: " BASE_SUITE
		"\nArchitectures: %s\nComponents: main\nDate: Thu, 01 Jan 1970 00:00:00 UTC\n"
		"SHA256:\n %s %zu main/binary-%s/Packages\n",
		arch, hex, packages->len, arch);
	if (buf_error(&b) < 0 || asprintf(&path, "%s/dists/" BASE_SUITE "/Release", dir) < 0)
		return err_nomem(err);
	return file_replace_at(AT_FDCWD, path, buf_str(&b), b.len, 0644, err);
}

int apt_repository(const char *dir, const char *arch, char *const *paths, size_t len,
		   struct err *err)
{
	cleanup_buf struct buf b = BUF_INIT(PACKAGES_MAX);
	cleanup_free char *index = NULL, *pool = NULL;
	int r;

	if (asprintf(&index, "%s/dists/" BASE_SUITE "/main/binary-%s", dir, arch) < 0 ||
	    asprintf(&pool, "%s/pool", dir) < 0)
		return err_nomem(err);
	r = tree_mkdirs_at(AT_FDCWD, index, 0755, err);
	if (r >= 0)
		r = tree_mkdirs_at(AT_FDCWD, pool, 0755, err);
	for (size_t i = 0; i < len && r >= 0; i++)
		r = add_package(&b, dir, paths[i], err);
	if (r < 0)
		return r;
	free(index);
	index = NULL;
	if (asprintf(&index, "%s/dists/" BASE_SUITE "/main/binary-%s/Packages", dir, arch) < 0)
		return err_nomem(err);
	r = file_replace_at(AT_FDCWD, index, buf_str(&b), b.len, 0644, err);
	return r >= 0 ? put_release(dir, arch, &b, err) : r;
}
