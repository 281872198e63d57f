#include "seed-apply.h"

#include "file.h"
#include "log.h"
#include "path.h"
#include "seed-files.h"
#include "seed-pending.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#define PARENT_MODE 0755

struct apply {
	int root_fd;
	const struct seed_manifest *m;
	struct seed_files old;
};
static void apply_done(struct apply *a)
{
	seed_files_done(&a->old);
}
#define cleanup_apply CLEANUP(apply_done)

/* Everything written so far is on the disk when this returns. */
static int sync_root(int root_fd, struct err *err)
{
	return syncfs(root_fd) < 0 ? err_errnof(err, -errno, "cannot sync the root") : 0;
}

/* ---- phase 1 ---- */

static int stage_dir(struct apply *a, const struct seed_member *m, struct err *err)
{
	cleanup_close int fd = path_mkdirs(a->root_fd, m->path, PARENT_MODE, err);

	return fd < 0 ? fd : 0;
}

static int set_owner(int fd, const struct seed_member *m, struct err *err)
{
	if (fchown(fd, m->uid, m->gid) < 0)
		return err_errnof(err, -errno, "cannot set the owner of '%s'", m->path);
	if (fchmod(fd, m->mode) < 0) /* after the owner: chown takes setuid away */
		return err_errnof(err, -errno, "cannot set the mode of '%s'", m->path);
	return 0;
}

static int stage_file(int dir_fd, const char *tmp, const struct seed_member *m,
		      struct archive *archive, struct err *err)
{
	cleanup_close int fd = neg_errno(
		openat(dir_fd, tmp, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
	int r;

	if (fd < 0)
		return err_errnof(err, fd, "cannot create '%s' beside '%s'", tmp, m->path);
	r = seed_tar_copy(archive, m, fd, err);
	if (r >= 0)
		r = set_owner(fd, m, err);
	return r;
}

static int stage_symlink(int dir_fd, const char *tmp, const struct seed_member *m, struct err *err)
{
	if (symlinkat(m->target, dir_fd, tmp) < 0)
		return err_errnof(err, -errno, "cannot create '%s' beside '%s'", tmp, m->path);
	if (fchownat(dir_fd, tmp, m->uid, m->gid, AT_SYMLINK_NOFOLLOW) < 0)
		return err_errnof(err, -errno, "cannot set the owner of '%s'", m->path);
	return 0;
}

static int stage_one(void *arg, const struct seed_member *m, struct archive *archive,
		     struct err *err)
{
	struct apply *a = arg;
	cleanup_close int dir_fd = -EBADF;
	const char *name;
	struct stat st;
	char tmp[256];
	int r;

	r = seed_lstat(a->root_fd, m->path, &st, err);
	if (r < 0)
		return r;
	if (r > 0 && S_ISDIR(st.st_mode) != (m->type == SEED_DIR) &&
	    !(m->type == SEED_DIR && S_ISLNK(st.st_mode)))
		return err_setf(err, -EEXIST,
				S_ISDIR(st.st_mode) ? "the seed's file '%s' is a folder here"
						    : "the seed's folder '%s' is a file here",
				m->path);
	if (m->type == SEED_DIR)
		return stage_dir(a, m, err);
	dir_fd = path_open_parent(a->root_fd, m->path, PARENT_MODE, &name, err);
	if (dir_fd < 0)
		return dir_fd;
	seed_beside(tmp, name, "new");
	if (m->type == SEED_SYMLINK)
		return stage_symlink(dir_fd, tmp, m, err);
	return stage_file(dir_fd, tmp, m, archive, err);
}

/* ---- phase 2 ---- */

/*
 * 1: a file of the former seed that has neither its contents nor the new one's: a person
 * changed it.
 */
static int is_changed(struct apply *a, int dir_fd, const char *name, const char *path,
		      const struct seed_member *m, struct err *err)
{
	const char *was = seed_files_find(&a->old, path);
	char now[SHA256_HEX_MAX];
	int r;

	if (!was)
		return 0;
	r = seed_digest_at(dir_fd, name, now, err);
	if (r <= 0)
		return r; /* 0: it is not there */
	return strcmp(now, was) != 0 && !(m && strcmp(now, m->sha256) == 0);
}

static void kept_name(char ret[static 256], const char *name)
{
	(void)snprintf(ret, 256, "%.*s.kiln-old", SEED_NAME_MAX, name);
}

/* A second name for what is there, so that the first is never without a file. */
static int keep(int dir_fd, const char *name, const char *path, struct err *err)
{
	char kept[256], tmp[256];
	int r;

	kept_name(kept, name);
	seed_beside(tmp, name, "was");
	r = seed_unlink_if_there(dir_fd, tmp, 0, path, err);
	if (r < 0)
		return r;
	if (linkat(dir_fd, name, dir_fd, tmp, 0) < 0 || renameat(dir_fd, tmp, dir_fd, kept) < 0)
		return err_errnof(err, -errno, "cannot keep '%s' as '%s'", path, kept);
	return seed_unlink_if_there(dir_fd, tmp, 0, path,
				    err); /* still there if both were one file already */
}

static int publish_one(struct apply *a, const struct seed_member *m, struct err *err)
{
	cleanup_close int fd = -EBADF;
	const char *name;
	char tmp[256];
	int r;

	if (m->type == SEED_DIR) {
		fd = path_open(a->root_fd, m->path, O_RDONLY | O_DIRECTORY, 0, err);
		return fd < 0 ? fd : set_owner(fd, m, err);
	}
	fd = path_open_parent(a->root_fd, m->path, PARENT_MODE, &name, err);
	if (fd < 0)
		return fd;
	r = is_changed(a, fd, name, m->path, m, err);
	if (r > 0)
		r = keep(fd, name, m->path, err);
	if (r < 0)
		return r;
	seed_beside(tmp, name, "new");
	if (renameat(fd, tmp, fd, name) < 0)
		return err_errnof(err, -errno, "cannot put '%s' into place", m->path);
	return 0;
}

/* A file that only the former seed brought. */
static int retire_one(struct apply *a, const char *path, struct err *err)
{
	cleanup_close int fd = seed_open_folder_of(a->root_fd, path, err);
	const char *name = strrchr(path, '/') + 1;
	char kept[256];
	int r;

	if (fd == -ENOENT)
		return 0;
	r = fd < 0 ? fd : is_changed(a, fd, name, path, NULL, err);
	if (r < 0)
		return r;
	kept_name(kept, name);
	if (r > 0 && renameat(fd, name, fd, kept) < 0)
		return err_errnof(err, -errno, "cannot keep '%s' as '%s'", path, kept);
	if (r == 0 && unlinkat(fd, name, 0) < 0 && errno != ENOENT && errno != EISDIR)
		return err_errnof(err, -errno, "cannot remove '%s' of the former seed", path);
	return 0;
}

static int publish(struct apply *a, struct err *err)
{
	for (size_t i = 0; i < a->m->len; i++) {
		int r = publish_one(a, &a->m->members[i], err);

		if (r < 0)
			return r;
	}
	for (size_t i = 0; i < a->old.len; i++) {
		int r;

		if (seed_manifest_find(a->m, a->old.items[i].path))
			continue;
		r = retire_one(a, a->old.items[i].path, err);
		if (r < 0)
			return r;
	}
	return sync_root(a->root_fd, err);
}

/* ---- phase 3 ---- */

static int record(struct apply *a, const char *digest, struct err *err)
{
	struct seed_json json = a->m->json; /* borrows all but the digest */
	cleanup_free char *own = strdup(digest);
	cleanup_free char *text = NULL;
	size_t len;
	int r;

	if (!own)
		return err_nomem(err);
	json.digest = own;
	r = seed_json_format(&json, &text, &len, err);
	if (r >= 0)
		r = seed_files_write(a->root_fd, a->m, err);
	if (r >= 0)
		r = seed_state_write(a->root_fd, SEED_RECORD, text, len, err);
	return r;
}

static int stage(struct apply *a, int tar_fd, struct err *err)
{
	int r = seed_pending_write(a->root_fd, a->m, err);

	if (r >= 0)
		r = seed_tar_each(tar_fd, a->m, stage_one, a, err);
	if (r >= 0)
		r = sync_root(a->root_fd, err);
	return r;
}

static void clean_or_log(int root_fd)
{
	struct err err = { 0 };

	if (seed_pending_clean(root_fd, &err) < 0)
		log_debugf("seed: %s", err.msg);
}

int seed_apply(int root_fd, int tar_fd, const struct seed_manifest *m, const char *digest,
	       bool *ret_torn, struct err *err)
{
	cleanup_apply struct apply a = { .root_fd = root_fd, .m = m };
	int r;

	*ret_torn = false;
	r = seed_pending_clean(root_fd, err);
	if (r >= 0)
		r = seed_files_read(root_fd, &a.old, err);
	if (r < 0)
		return r;
	r = stage(&a, tar_fd, err);
	if (r < 0) {
		clean_or_log(root_fd); /* the first failure is the one to tell */
		return r;
	}
	*ret_torn = true;
	r = publish(&a, err);
	if (r >= 0)
		r = record(&a, digest, err);
	if (r < 0)
		return r;
	*ret_torn = false;
	clean_or_log(root_fd); /* it is imported, whether or not this goes */
	return 0;
}
