#include "vault.h"

#include "file.h"
#include "out-dir.h"
#include "parse.h"
#include "path.h"
#include "tree.h"

#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>

#define SECRET_BYTES_MAX ((size_t)64 << 10)
#define RANDOM_BYTES_MAX 64

void vault_done(struct vault *v)
{
	close_fdp(&v->fd); /* and with it the lock */
	free(v->path);
	*v = (struct vault){ .fd = -EBADF };
}

int vault_open(const char *cluster_dir, struct vault *ret, struct err *err)
{
	cleanup_vault struct vault v = { .fd = -EBADF };
	cleanup_free char *kiln = path_join(cluster_dir, ".kiln");
	int r;

	v.path = kiln ? path_join(kiln, "secrets") : NULL;
	if (!v.path)
		return err_nomem(err);
	r = tree_mkdirs_at(AT_FDCWD, kiln, 0755, err);
	if (r >= 0)
		r = out_dir_ignore(kiln, err);
	if (r >= 0)
		r = tree_mkdirs_at(AT_FDCWD, v.path, 0700, err);
	if (r < 0)
		return r;
	v.fd = neg_errno(open(v.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
	if (v.fd < 0)
		return err_errnof(err, v.fd, "cannot open '%s'", v.path);
	if (fchmod(v.fd, 0700) < 0)
		return err_errnof(err, -errno, "cannot close '%s' to others", v.path);
	r = neg_errno(flock(v.fd, LOCK_EX | LOCK_NB));
	if (r == -EWOULDBLOCK)
		return err_setf(err, -EBUSY, "another 'kiln init' is at work in '%s'", v.path);
	if (r < 0)
		return err_errnof(err, r, "cannot lock '%s'", v.path);
	*ret = v;
	v = (struct vault){ .fd = -EBADF };
	return 0;
}

int vault_has(const struct vault *v, const char *name, bool *ret, struct err *err)
{
	return file_exists_at(v->fd, name, ret, err);
}

int vault_get(const struct vault *v, const char *name, struct secret *ret, struct err *err)
{
	int r = file_read_at(v->fd, name, SECRET_BYTES_MAX, &ret->data, &ret->len, err);

	return r < 0 ? err_wrapf(err, r, "'%s'", v->path) : 0;
}

/* A folder's own mode does not depend on the umask: 0700 leaves nothing to mask out. */
static int make_parent(const struct vault *v, const char *name, struct err *err)
{
	const char *slash = strrchr(name, '/');
	char dir[PATH_MAX];

	if (!slash)
		return 0;
	if ((size_t)(slash - name) >= sizeof(dir))
		return err_errnof(err, -ENAMETOOLONG, "cannot make '%s'", name);
	(void)snprintf(dir, sizeof(dir), "%.*s", (int)(slash - name), name);
	return tree_mkdirs_at(v->fd, dir, 0700, err);
}

int vault_add(struct vault *v, const char *name, const void *data, size_t len, struct err *err)
{
	int r = make_parent(v, name, err);

	if (r >= 0)
		r = file_create_at(v->fd, name, data, len, 0600, err);
	if (r < 0)
		return err_wrapf(err, r, "'%s'", v->path);
	v->made++;
	return 0;
}

static int random_bytes(uint8_t *dst, size_t len)
{
	while (len > 0) {
		ssize_t n = getrandom(dst, len, 0);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		dst += n;
		len -= (size_t)n;
	}
	return 0;
}

int vault_random_hex(size_t bytes, struct secret *ret, struct err *err)
{
	uint8_t raw[RANDOM_BYTES_MAX];
	char *text;
	int r;

	if (bytes > sizeof(raw))
		return err_setf(err, -E2BIG, "%zu random bytes are too many", bytes);
	text = malloc(2 * bytes + 1);
	if (!text)
		return err_nomem(err);
	r = random_bytes(raw, bytes);
	if (r < 0) {
		free(text);
		return err_errnof(err, r, "no random bytes");
	}
	(void)hex_encode(raw, bytes, text);
	explicit_bzero(raw, sizeof(raw));
	*ret = (struct secret){ .data = text, .len = 2 * bytes };
	return 0;
}

int vault_add_random_hex(struct vault *v, const char *name, size_t bytes, struct err *err)
{
	cleanup_secret struct secret text = { 0 };
	char line[2 * RANDOM_BYTES_MAX + 2];
	bool there;
	int r = vault_has(v, name, &there, err);

	if (r < 0 || there)
		return r;
	r = vault_random_hex(bytes, &text, err);
	if (r < 0)
		return r;
	(void)snprintf(line, sizeof(line), "%s\n", text.data);
	r = vault_add(v, name, line, strlen(line), err);
	explicit_bzero(line, sizeof(line));
	return r;
}
