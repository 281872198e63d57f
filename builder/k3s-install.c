#include "base.h"
#include "digest.h"
#include "fetch.h"
#include "file.h"
#include "k3s-install.h"
#include "k3s-lock.h"
#include "oci-archive.h"
#include "path.h"

#include <fcntl.h>
#include <stdbool.h>
#include <elf.h>
#include <string.h>
#include <sys/stat.h>

#define BIN "/usr/local/bin/"
#define IMAGES "/var/lib/rancher/k3s/agent/images/"
#define COPY_BYTES (1U << 20)

void k3s_inputs_done(struct k3s_inputs *in)
{
	for (size_t i = 0; i < in->len; i++) {
		free(in->items[i].name);
		free(in->items[i].path);
		free(in->items[i].version);
		free(in->items[i].sha256);
		free(in->items[i].target);
	}
	*in = (struct k3s_inputs){ 0 };
}

static int add(struct k3s_inputs *in, const struct lock_file *f, char *path, const char *target,
	       unsigned int mode, struct err *err)
{
	struct k3s_input *to = &in->items[in->len++];

	*to = (struct k3s_input){ strdup(f->name),   path,	     strdup(f->version),
				  strdup(f->sha256), strdup(target), mode };
	return to->name && to->version && to->sha256 && to->target ? 0 : err_nomem(err);
}

/* An ELF program for another machine would fail on the node only; scripts run anywhere. */
static int check_machine(const char *path, const struct board *b, struct err *err)
{
	unsigned int want = strcmp(b->arch, "arm64") == 0 ? EM_AARCH64 : EM_X86_64;
	cleanup_close int fd = neg_errno(open(path, O_RDONLY | O_CLOEXEC));
	Elf64_Ehdr h = { 0 };

	if (fd < 0)
		return err_errnof(err, fd, "k3s.binary: cannot open '%s'", path);
	if (read_upto(fd, &h, sizeof(h)) != sizeof(h) || memcmp(h.e_ident, ELFMAG, SELFMAG) != 0 ||
	    h.e_machine == want)
		return 0;
	return err_setf(err, -ENOEXEC,
			"k3s.binary: '%s' is no program for %s, which board '%s' needs; put that "
			"one beside it, "
			"its name ending in '-%s'",
			path, b->arch, b->name, b->arch);
}

/* "k3s" for amd64, "k3s-arm64" beside it for arm64: K3s names its releases so. */
static char *local_path(const struct cluster *c, const struct board *b)
{
	char *path =
		c->k3s.binary[0] == '/' ? strdup(c->k3s.binary) : path_join(c->dir, c->k3s.binary);
	char *own = NULL;

	if (!path || asprintf(&own, "%s-%s", path, b->arch) < 0)
		return path;
	if (access(own, R_OK) == 0) {
		free(path);
		return own;
	}
	free(own);
	return path;
}

/* `k3s: {binary: path}`: relative to cluster.yaml, as it is now. */
static int add_local(const struct cluster *c, const struct board *b, struct k3s_inputs *in,
		     struct err *err)
{
	cleanup_free char *path = NULL;
	char hex[SHA256_HEX_MAX];
	struct lock_file f = { K3S_BINARY, c->k3s.version, b->arch, "", hex };
	int r;

	path = local_path(c, b);
	if (!path)
		return err_nomem(err);
	r = check_machine(path, b, err);
	if (r < 0)
		return r;
	r = sha256_file_at(AT_FDCWD, path, hex, err);
	if (r < 0)
		return err_wrapf(err, r, "k3s.binary");
	return add(in, &f, TAKE_PTR(path), BIN "k3s", 0755, err);
}

static int add_locked(const struct cluster *c, const struct board *b, const struct lock *l,
		      const char *name, struct http *h, struct k3s_inputs *in, struct err *err)
{
	const struct lock_file *f = lock_file(l, name, b->arch);
	bool binary = strcmp(name, K3S_BINARY) == 0;
	char target[256], *path = NULL;
	int r;

	if (!f || strcmp(f->version, c->k3s.version) != 0)
		return err_setf(err, -ENOENT,
				"kiln.lock has no %s %s for %s; 'kiln update' resolves it", name,
				c->k3s.version, b->arch);
	r = fetch_file(f, h, &path, err);
	if (r < 0)
		return r;
	(void)snprintf(target, sizeof(target), IMAGES "k3s-airgap-images-%s.tar.zst", b->arch);
	return add(in, f, path, binary ? BIN "k3s" : target, binary ? 0755 : 0644, err);
}

/* A bundle's images, of kiln.lock; the archive is made when 'kiln fetch' has not done it. */
static int add_images(const struct lock *l, const struct board *b, bool offline,
		      struct k3s_inputs *in, struct err *err)
{
	char target[256], hex[SHA256_HEX_MAX];
	struct lock_file f = { (char *)"images", (char *)"-", b->arch, (char *)"", hex };
	char *path = NULL;
	int r;

	if (!oci_archive_needed(l, b->arch))
		return 0;
	r = oci_archive_get(l, b->arch, offline, NULL, &path, hex, err);
	if (r < 0)
		return r;
	(void)snprintf(target, sizeof(target), IMAGES "kiln-images-%s.tar", b->arch);
	return add(in, &f, path, target, 0644, err);
}

/* A cluster with a K3s of its own and no images needs no lock for them. */
static int get_lock(const struct cluster *c, struct lock *l, struct err *err)
{
	struct err inner = { 0 };
	int r = lock_load(c, l, &inner);

	return r >= 0 || (r == -ENOENT && c->k3s.binary) ? 0 : err_setf(err, r, "%s", inner.msg);
}

int k3s_inputs_get(const struct cluster *c, const struct board *b, unsigned int base_flags,
		   struct k3s_inputs *ret, struct err *err)
{
	cleanup_k3s_inputs struct k3s_inputs in = { 0 };
	cleanup_lock struct lock l = { 0 };
	cleanup_http struct http *h = NULL;
	bool offline = base_flags & BASE_OFFLINE;
	int r = get_lock(c, &l, err);

	if (r >= 0 && c->k3s.binary) {
		r = add_local(c, b, &in, err);
	} else if (r >= 0) {
		if (!offline)
			r = http_new(&h, err);
		if (r >= 0)
			r = add_locked(c, b, &l, K3S_BINARY, h, &in, err);
		if (r >= 0)
			r = add_locked(c, b, &l, K3S_IMAGES, h, &in, err);
	}
	if (r >= 0)
		r = add_images(&l, b, offline, &in, err);
	if (r < 0)
		return r;
	*ret = in;
	in = (struct k3s_inputs){ 0 };
	return 0;
}

/* Copies and computes the digest of what it copied: a damaged cache must not reach an image. */
static int copy_checked(int from, int to, const struct k3s_input *in, struct err *err)
{
	cleanup_free char *block = malloc(COPY_BYTES);
	struct sha256 sum;
	char hex[SHA256_HEX_MAX];
	ssize_t got;
	int r = 0;

	if (!block)
		return err_nomem(err);
	sha256_init(&sum);
	while (r >= 0 && (got = read_upto(from, block, COPY_BYTES)) > 0) {
		sha256_update(&sum, block, (size_t)got);
		r = write_all(to, block, (size_t)got);
	}
	if (r < 0 || got < 0)
		return err_errnof(err, r < 0 ? r : (int)got, "cannot copy '%s'", in->path);
	if (strcmp(sha256_final_hex(&sum, hex), in->sha256) != 0)
		return err_setf(err, -EBADMSG,
				"'%s' is damaged (SHA-256 %s): remove it, then 'kiln fetch' "
				"brings it again",
				in->path, hex);
	return 0;
}

/* Beside the archives, once; K3s writes into it what it has imported. */
static int put_cache_mark(int dir_fd, struct err *err)
{
	bool there = false;
	int r = file_exists_at(dir_fd, ".cache.json", &there, err);

	return r < 0 || there ? r : file_create_at(dir_fd, ".cache.json", "", 0, 0644, err);
}

static int install_one(int root_fd, const struct k3s_input *in, struct err *err)
{
	cleanup_close int from = -EBADF, dir = -EBADF, to = -EBADF;
	const char *name;
	int r;

	from = neg_errno(open(in->path, O_RDONLY | O_CLOEXEC));
	if (from < 0)
		return err_errnof(err, from, "cannot open '%s'", in->path);
	dir = path_open_parent(root_fd, in->target, 0755, &name, err);
	if (dir < 0)
		return dir;
	to = neg_errno(
		openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
	if (to < 0)
		return err_errnof(err, to, "cannot create '%s'", in->target);
	r = copy_checked(from, to, in, err);
	if (r >= 0 && fchmod(to, in->mode) < 0)
		r = err_errnof(err, -errno, "cannot set the mode of '%s'", in->target);
	if (r >= 0 && strstr(in->target, "/agent/images/"))
		r = put_cache_mark(dir, err);
	return r;
}

int k3s_install(const struct k3s_inputs *in, const char *root_dir, struct err *err)
{
	static const char *const links[] = { "kubectl", "crictl", "ctr" };
	cleanup_close int root_fd = -EBADF, bin_fd = -EBADF;
	int r = 0;

	root_fd = neg_errno(open(root_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
	if (root_fd < 0)
		return err_errnof(err, root_fd, "cannot open '%s'", root_dir);
	for (size_t i = 0; i < in->len && r >= 0; i++)
		r = install_one(root_fd, &in->items[i], err);
	if (r < 0)
		return err_wrapf(err, r, "K3s");
	bin_fd = path_mkdirs(root_fd, "/usr/local/bin", 0755, err);
	if (bin_fd < 0)
		return bin_fd;
	for (size_t i = 0; i < ARRAY_SIZE(links); i++)
		if (symlinkat("k3s", bin_fd, links[i]) < 0)
			return err_errnof(err, -errno, "cannot link '" BIN "%s' to k3s", links[i]);
	return 0;
}
