#include "base.h"
#include "base-inputs.h"
#include "base-kept.h"
#include "base-kernel.h"
#include "base-native.h"
#include "base-scrub.h"
#include "base-twin.h"
#include "file.h"
#include "log.h"
#include "tempfile.h"

#include <fcntl.h>
#include <string.h>
#include <sys/file.h>

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
		r = base_kept_lock(b->in->native_key, LOCK_EX | LOCK_NB, &b->native_lock, err);
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
		r = base_kept_lock(b->in->native_key, LOCK_EX, &b->native_lock, err);
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
	int r;

	r = tempfile_new(b->root_path, &tar, err);
	if (r >= 0)
		r = rootfs_write_tar(&b->root, tar->fd, b->epoch_s, err);
	if (r >= 0)
		r = base_kept_describe(b->in, lseek(tar->fd, 0, SEEK_END), b->kernel.release, err);
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

	r = base_kept_path("native-", in->native_key, "tar", &b.native_path, err);
	if (r >= 0)
		r = base_kept_path("", in->key, "tar", &b.root_path, err);
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

int base_root_find(const struct cluster *c, const struct board *b, struct base_root *ret,
		   struct err *err)
{
	cleanup_base_inputs struct base_inputs in = { 0 };
	int r = base_inputs_get(c, b, 0, &in, err);

	return r >= 0 ? base_kept_find(&in, ret, err) : r;
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
	if (!(flags & BASE_REBUILD) && base_kept_find(&in, ret, &ignored) >= 0)
		return 0;
	r = base_kept_lock(in.key, LOCK_EX, &lock_fd, err);
	if (r < 0)
		return r;
	if (!(flags & BASE_REBUILD) && base_kept_find(&in, ret, &ignored) >= 0)
		return 0;
	log_debugf("building base root %s of board %s", in.key, b->name);
	r = run_build(c, b, &in, flags, err);
	if (r < 0)
		return err_wrapf(err, r, "base root of board '%s'", b->name);
	return base_kept_find(&in, ret, err);
}
