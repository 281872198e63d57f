#include "base.h"
#include "base-inputs.h"
#include "base-kernel.h"
#include "base-native.h"
#include "base-scrub.h"
#include "base-twin.h"
#include "cache.h"
#include "file.h"
#include "json.h"
#include "log.h"
#include "tempfile.h"

#include <fcntl.h>
#include <string.h>
#include <sys/file.h>

#define META_MAX (1U << 20)

struct build {
	const struct cluster *cluster;
	const struct board *board;
	const struct base_inputs *in;
	unsigned int flags;
	struct string_list target, native; /* paths of .debs */
	struct deb *debs;		   /* of the target, kiln-node's too; sorted by name */
	size_t debs_len;
	int64_t epoch_s;	/* of the board's root */
	int64_t native_epoch_s; /* while scripts run: of the native half alone, so that it is the
				   same whichever board comes first */
	struct rootfs root, original;
	struct kernel_files kernel;
	struct native_build run;
	struct tempfile *native_tmp; /* the native tar while it is made */
	char *native_path, *root_path;
	int native_fd;
	int native_lock;   /* held while this process makes the native half */
	bool native_later; /* another process is making it */
};

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

static void build_done(struct build *b)
{
	native_done(&b->run);
	for (size_t i = 0; i < b->debs_len; i++)
		deb_done(&b->debs[i]);
	free(b->debs);
	rootfs_done(&b->root);
	rootfs_done(&b->original);
	kernel_files_done(&b->kernel);
	lock_list_done(&b->target);
	lock_list_done(&b->native);
	tempfile_free(b->native_tmp);
	free(b->native_path);
	free(b->root_path);
	close_fdp(&b->native_fd);
	close_fdp(&b->native_lock);
}

static int cache_name(const char *prefix, const char *key, const char *ext, char **ret,
		      struct err *err)
{
	char rel[256];

	(void)snprintf(rel, sizeof(rel), "base/%s%s.%s", prefix, key, ext);
	return cache_path(rel, ret, err);
}

/* "base/<key>.lock"; LOCK_NB: -EWOULDBLOCK when another process has it. */
static int key_lock(const char *key, int how, int *ret_fd, struct err *err)
{
	cleanup_free char *path = NULL;
	cleanup_close int fd = -EBADF;
	int r = cache_name("", key, "lock", &path, err);

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

/* The newest of all packages' dates (their first ar header): the same wherever it is baked. */
static int newest(const struct string_list *paths, int64_t *epoch_s, struct err *err)
{
	for (size_t i = 0; i < paths->len; i++) {
		char head[80] = { 0 };
		long long date = 0;
		cleanup_close int fd = neg_errno(open(paths->items[i], O_RDONLY | O_CLOEXEC));

		if (fd < 0)
			return err_errnof(err, fd, "cannot open '%s'", paths->items[i]);
		if (pread_upto(fd, head, sizeof(head) - 1, 0) < 68 ||
		    sscanf(head + 24, "%12lld", &date) != 1)
			return err_setf(err, -EBADMSG, "'%s' is not a Debian package",
					paths->items[i]);
		if (date > *epoch_s)
			*epoch_s = date;
	}
	return 0;
}

static int deb_order(const void *a, const void *b)
{
	return strcmp(((const struct deb *)a)->package, ((const struct deb *)b)->package);
}

/* An "all" package that the native half has too stays as it is: its files are not needed. */
static bool shared(const struct build *b, const char *path)
{
	for (size_t i = 0; i < b->native.len && !(b->flags & BASE_EMULATE); i++)
		if (strcmp(b->native.items[i], path) == 0)
			return true;
	return false;
}

static int read_debs(struct build *b, struct err *err)
{
	int r = 0;

	b->debs = calloc(b->target.len, sizeof(*b->debs));
	if (!b->debs)
		return err_nomem(err);
	for (size_t i = 0; i < b->target.len && r >= 0; i++) {
		struct deb *d = &b->debs[i];

		if (shared(b, b->target.items[i]))
			r = deb_read_control(b->target.items[i], d, err);
		else
			r = deb_read(b->target.items[i], b->root.spool_fd, &b->root.spool_bytes, d,
				     err);
		if (r >= 0)
			b->debs_len++;
	}
	if (r >= 0)
		qsort(b->debs, b->debs_len, sizeof(*b->debs), deb_order);
	return r;
}

static int run_native(struct build *b, struct err *err)
{
	bool emulate = b->flags & BASE_EMULATE;
	const struct string_list *paths = emulate ? &b->target : &b->native;
	struct native_spec spec = {
		.cluster = b->cluster,
		.lock = &b->in->lock,
		.arch = emulate ? b->board->arch : b->in->native->arch,
		.paths = paths->items,
		.len = paths->len,
		.names = emulate ? &b->in->target->names : &b->in->native->names,
		.epoch_s = b->native_epoch_s,
	};
	cleanup_lock_list struct string_list names = { 0 };
	int r;

	for (size_t i = 0; emulate && i < spec.names->len; i++)
		if (lock_list_add(&names, spec.names->items[i]) < 0)
			return err_nomem(err);
	if (emulate) {
		if (lock_list_add(&names, "kiln-node") < 0)
			return err_nomem(err);
		spec.names = &names;
	}
	r = tempfile_new(b->native_path, &b->native_tmp, err);
	if (r < 0)
		return r;
	spec.tar_fd = b->native_tmp->fd;
	return native_start(&spec, &b->run, err);
}

static bool native_is_there(struct build *b)
{
	if (b->flags & (BASE_REBUILD | BASE_EMULATE))
		return false;
	b->native_fd = neg_errno(open(b->native_path, O_RDONLY | O_CLOEXEC));
	return b->native_fd >= 0;
}

/* Of several boards' builds one makes the native half; the others unpack meanwhile. */
static int start_native(struct build *b, struct err *err)
{
	int r = 0;

	if (native_is_there(b))
		return 0;
	if (!(b->flags & BASE_EMULATE))
		r = key_lock(b->in->native_key, LOCK_EX | LOCK_NB, &b->native_lock, err);
	b->native_later = r == -EWOULDBLOCK;
	if (b->native_later) {
		err_clear(err);
		return 0;
	}
	if (r >= 0 && !native_is_there(b))
		r = run_native(b, err);
	return r;
}

static int finish_native(struct build *b, struct err *err)
{
	int r = 0;

	if (b->native_later) {
		r = key_lock(b->in->native_key, LOCK_EX, &b->native_lock, err);
		if (r >= 0 && !native_is_there(b)) /* the other one failed */
			r = run_native(b, err);
	}
	if (r >= 0 && !b->native_tmp)
		return 0;
	if (r >= 0)
		r = native_wait(&b->run, err);
	if (r >= 0 && !(b->flags & BASE_EMULATE))
		r = tempfile_commit(b->native_tmp, b->native_path, 0644, err);
	if (r < 0)
		return err_wrapf(err, r, "board '%s': native half of the base root",
				 b->board->name);
	close_fdp(&b->native_lock);
	b->native_lock = -EBADF;
	b->native_fd = fcntl(b->native_tmp->fd, F_DUPFD_CLOEXEC, 0);
	return b->native_fd < 0 ? err_errnof(err, -errno, "cannot keep the native root open") : 0;
}

static int make_root(struct build *b, struct err *err)
{
	struct twin t = { .root = &b->root,
			  .native = &b->original,
			  .debs = b->debs,
			  .debs_len = b->debs_len,
			  .from = deb_arch_find(b->in->native->arch),
			  .to = deb_arch_find(b->board->arch),
			  .names = &b->in->target->names };
	int r;

	if (!t.from || !t.to)
		return err_setf(err, -ENOTSUP,
				"no facts about architecture '%s' (builder/base-arch.c)",
				b->board->arch);
	r = rootfs_read_tar(&b->root, b->native_fd, err);
	if (r >= 0)
		r = base_scrub(&b->root, err);
	if (b->flags & BASE_EMULATE)
		return r;
	if (r >= 0)
		r = rootfs_read_tar(&b->original, b->native_fd, err);
	if (r >= 0)
		r = base_scrub(&b->original, err);
	if (r >= 0)
		r = twin_make(&t, err);
	return r >= 0 ? kernel_add(&b->root, &b->kernel, err) : r;
}

static int save_root(struct build *b, struct err *err)
{
	cleanup_tempfile struct tempfile *tar = NULL;
	cleanup_free char *meta = NULL;
	cleanup_buf struct buf text = BUF_INIT(META_MAX);
	int r;

	r = tempfile_new(b->root_path, &tar, err);
	if (r >= 0)
		r = rootfs_write_tar(&b->root, tar->fd, b->epoch_s, err);
	if (r >= 0)
		r = cache_name("", b->in->key, "json", &meta, err);
	if (r < 0)
		return r;
	(void)buf_addf(&text, "{\"bytes\":%lld,\"kernel\":\"%s\"}\n",
		       (long long)lseek(tar->fd, 0, SEEK_END), b->kernel.release);
	if (buf_error(&text) < 0)
		return err_nomem(err);
	r = file_replace_at(AT_FDCWD, meta, buf_str(&text), text.len, 0644, err);
	return r >= 0 ? tempfile_commit(tar, b->root_path, 0644, err) : r;
}

static int build(struct build *b, struct err *err)
{
	bool offline = b->flags & BASE_OFFLINE;
	int r;

	r = base_debs(b->in, b->in->target, offline, &b->target, err);
	if (r >= 0)
		r = base_debs(b->in, b->in->native, offline, &b->native, err);
	if (r >= 0)
		r = newest(&b->native, &b->native_epoch_s, err);
	if (r >= 0 && lock_list_add(&b->target, b->in->agent_deb) < 0)
		r = err_nomem(err);
	if (r >= 0)
		r = newest(&b->target, &b->epoch_s, err);
	if (r >= 0)
		r = start_native(b, err);
	if (r >= 0) /* while mmdebstrap works */
		r = read_debs(b, err);
	if (r >= 0)
		r = kernel_depmod(b->debs, b->debs_len, b->root.spool_fd, &b->kernel, err);
	if (r >= 0)
		r = finish_native(b, err);
	if (r >= 0)
		r = make_root(b, err);
	return r >= 0 ? save_root(b, err) : r;
}

static int run_build(const struct cluster *c, const struct board *board,
		     const struct base_inputs *in, unsigned int flags, struct err *err)
{
	CLEANUP(build_done)
	struct build b = { .cluster = c,
			   .board = board,
			   .in = in,
			   .flags = flags,
			   .native_fd = -EBADF,
			   .native_lock = -EBADF,
			   .run = { .log_fd = -EBADF },
			   .root = { .spool_fd = -EBADF },
			   .original = { .spool_fd = -EBADF } };
	cleanup_free char *dir = NULL;
	int r;

	r = cache_name("native-", in->native_key, "tar", &b.native_path, err);
	if (r >= 0)
		r = cache_name("", in->key, "tar", &b.root_path, err);
	if (r < 0)
		return r;
	dir = strndup(b.root_path, (size_t)(strrchr(b.root_path, '/') - b.root_path));
	if (!dir)
		return err_nomem(err);
	r = rootfs_init(&b.root, dir, err);
	if (r >= 0)
		r = rootfs_init(&b.original, dir, err);
	return r >= 0 ? build(&b, err) : r;
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

static int find(const struct base_inputs *in, struct base_root *ret, struct err *err)
{
	cleanup_base_root struct base_root root = { 0 };
	cleanup_free char *meta = NULL, *text = NULL;
	cleanup_json json_t *j = NULL;
	const char *kernel;
	size_t len;
	int r;

	r = cache_name("", in->key, "tar", &root.tar, err);
	if (r >= 0)
		r = cache_name("", in->key, "json", &meta, err);
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

int base_root_find(const struct cluster *c, const struct board *b, struct base_root *ret,
		   struct err *err)
{
	cleanup_base_inputs struct base_inputs in = { 0 };
	int r = base_inputs_get(c, b, 0, &in, err);

	return r >= 0 ? find(&in, ret, err) : r;
}

int base_root_get(const struct cluster *c, const struct board *b, unsigned int flags,
		  struct base_root *ret, struct err *err)
{
	cleanup_base_inputs struct base_inputs in = { 0 };
	cleanup_close int lock_fd = -EBADF;
	struct err ignored = { 0 };
	int r = base_inputs_get(c, b, flags, &in, err);

	if (r < 0)
		return r;
	if (!(flags & BASE_REBUILD) && find(&in, ret, &ignored) >= 0)
		return 0;
	r = key_lock(in.key, LOCK_EX, &lock_fd, err);
	if (r < 0)
		return r;
	if (!(flags & BASE_REBUILD) && find(&in, ret, &ignored) >= 0)
		return 0;
	log_debugf("building base root %s of board %s", in.key, b->name);
	r = run_build(c, b, &in, flags, err);
	if (r < 0)
		return err_wrapf(err, r, "base root of board '%s'", b->name);
	return find(&in, ret, err);
}
