#include "archive-util.h"
#include "control.h"
#include "deb.h"
#include "file.h"

#include <string.h>

#define CONTROL_MAX (16U << 20) /* of one control member */
#define DATA_BLOCK (1U << 17)

void deb_done(struct deb *d)
{
	for (size_t i = 0; i < d->members_len; i++) {
		free(d->members[i].name);
		free(d->members[i].data);
	}
	for (size_t i = 0; i < d->files_len; i++) {
		free(d->files[i].path);
		free(d->files[i].link);
		free(d->files[i].hardlink);
	}
	free(d->members);
	free(d->files);
	free(d->path);
	free(d->package);
	free(d->version);
	free(d->arch);
	free(d->multi_arch);
	*d = (struct deb){ 0 };
}

const struct deb_member *deb_member(const struct deb *d, const char *name)
{
	for (size_t i = 0; i < d->members_len; i++)
		if (strcmp(d->members[i].name, name) == 0)
			return &d->members[i];
	return NULL;
}

/* The inner archive is fed from a member of the outer one. */
struct inner {
	struct archive *outer;
	char block[DATA_BLOCK];
};

static la_ssize_t inner_read(struct archive *a, void *arg, const void **ret)
{
	struct inner *in = arg;
	la_ssize_t got = archive_read_data(in->outer, in->block, sizeof(in->block));

	if (got < 0)
		archive_set_error(a, archive_errno(in->outer), "%s",
				  archive_error_string(in->outer));
	*ret = in->block;
	return got;
}

/* "./usr/bin/" is "usr/bin"; owned by the caller, NULL: no name or no memory. */
static char *clean_name(const char *name)
{
	size_t len;

	if (!name)
		return NULL;
	if (strcmp(name, ".") == 0)
		name = "";
	while (name[0] == '.' && name[1] == '/')
		name += 1 + strspn(name + 1, "/");
	name += strspn(name, "/");
	len = strlen(name);
	while (len && name[len - 1] == '/')
		len--;
	return strndup(name, len);
}

static bool leaves_root(const char *path)
{
	for (const char *p = path; p; p = strchr(p, '/')) {
		p += *p == '/';
		if (strncmp(p, "..", 2) == 0 && (p[2] == '/' || !p[2]))
			return true;
	}
	return false;
}

static void *grow(void *items, size_t len, size_t item_bytes)
{
	if (len & (len - 1)) /* room doubles at each power of two */
		return items;
	return reallocarray(items, len ? 2 * len : 1, item_bytes);
}

static int take_member(struct deb *d, struct archive *a, struct archive_entry *e, struct err *err)
{
	cleanup_free char *name = clean_name(archive_entry_pathname(e));
	int64_t size = archive_entry_size(e);
	struct deb_member *all, *m;

	if (archive_entry_filetype(e) != AE_IFREG)
		return 0;
	if (!name || size < 0 || size > CONTROL_MAX || strchr(name, '/'))
		return err_setf(err, -EBADMSG, "control member '%s' is not usable",
				name ? name : "?");
	all = grow(d->members, d->members_len, sizeof(*all));
	if (!all)
		return err_nomem(err);
	d->members = all;
	m = &all[d->members_len];
	*m = (struct deb_member){ .len = (size_t)size, .mode = archive_entry_perm(e) };
	m->data = malloc((size_t)size + 1);
	if (!m->data)
		return err_nomem(err);
	m->name = TAKE_PTR(name);
	d->members_len++;
	if (archive_read_data(a, m->data, (size_t)size) != size)
		return err_archive(err, a, "control member '%s'", m->name);
	m->data[size] = '\0';
	return 0;
}

static int spool_data(struct archive *a, int fd, uint64_t *at, struct err *err)
{
	const void *block;
	la_int64_t offset;
	size_t len;
	int ar, r;

	while ((ar = archive_read_data_block(a, &block, &len, &offset)) == ARCHIVE_OK) {
		r = pwrite_all(fd, block, len, *at);
		if (r < 0)
			return err_errnof(err, r, "cannot store contents");
		*at += len;
	}
	return ar == ARCHIVE_EOF ? 0 : err_archive(err, a, "cannot unpack");
}

struct spool {
	int fd;
	uint64_t *bytes;
};

static int take_file(struct deb *d, struct archive *a, struct archive_entry *e,
		     const struct spool *spool, struct err *err)
{
	cleanup_free char *path = clean_name(archive_entry_pathname(e));
	struct deb_file *all, *f;
	int r = 0;

	if (!path || leaves_root(path))
		return err_setf(err, -EBADMSG, "member '%s' is not usable", path ? path : "?");
	all = grow(d->files, d->files_len, sizeof(*all));
	if (!all)
		return err_nomem(err);
	d->files = all;
	f = &all[d->files_len];
	*f = (struct deb_file){ .path = TAKE_PTR(path),
				.mode = archive_entry_mode(e),
				.uid = (uid_t)archive_entry_uid(e),
				.gid = (gid_t)archive_entry_gid(e),
				.mtime_s = archive_entry_mtime(e),
				.offset_bytes = *spool->bytes };
	d->files_len++;
	if (archive_entry_hardlink(e)) {
		f->hardlink = clean_name(archive_entry_hardlink(e));
		return f->hardlink ? 0 : err_nomem(err);
	}
	if (archive_entry_filetype(e) == AE_IFLNK) {
		f->link = strdup(archive_entry_symlink(e));
		return f->link ? 0 : err_nomem(err);
	}
	if (archive_entry_filetype(e) == AE_IFREG)
		r = spool_data(a, spool->fd, spool->bytes, err);
	f->size_bytes = *spool->bytes - f->offset_bytes;
	return r < 0 ? err_wrapf(err, r, "member '%s'", f->path) : 0;
}

/* One of the two tars inside; spool: NULL for control. */
static int read_tar(struct deb *d, struct archive *outer, const struct spool *spool,
		    struct err *err)
{
	cleanup_archive_read struct archive *a = archive_read_new();
	cleanup_free struct inner *in = malloc(sizeof(*in));
	struct archive_entry *e;
	int r, ar;

	if (!a || !in)
		return err_nomem(err);
	in->outer = outer;
	(void)archive_read_support_format_tar(a);
	(void)archive_read_support_filter_all(a);
	if (archive_read_open(a, in, NULL, inner_read, NULL) != ARCHIVE_OK)
		return err_archive(err, a, "cannot unpack");
	while ((ar = archive_read_next_header(a, &e)) == ARCHIVE_OK) {
		r = spool ? take_file(d, a, e, spool, err) : take_member(d, a, e, err);
		if (r < 0)
			return r;
	}
	return ar == ARCHIVE_EOF ? 0 : err_archive(err, a, "cannot unpack");
}

static int take_control(struct deb *d, struct err *err)
{
	const struct deb_member *c = deb_member(d, "control");

	if (!c)
		return err_setf(err, -EBADMSG, "it has no control file");
	d->package = control_get(c->data, c->len, "Package");
	d->version = control_get(c->data, c->len, "Version");
	d->arch = control_get(c->data, c->len, "Architecture");
	d->multi_arch = control_get(c->data, c->len, "Multi-Arch");
	if (!d->package || !d->version || !d->arch)
		return err_setf(err, -EBADMSG,
				"its control file lacks Package, Version or Architecture");
	return 0;
}

static int read_ar(struct deb *d, const struct spool *spool, struct err *err)
{
	cleanup_archive_read struct archive *a = archive_read_new();
	bool control = false, data = !spool; /* what is not asked for is as good as read */
	struct archive_entry *e;

	if (!a)
		return err_nomem(err);
	(void)archive_read_support_format_ar(a);
	if (archive_read_open_filename(a, d->path, DATA_BLOCK) != ARCHIVE_OK)
		return err_archive(err, a, "cannot open");
	while (!(control && data) && archive_read_next_header(a, &e) == ARCHIVE_OK) {
		const char *name = archive_entry_pathname(e) ?: "";
		bool is_control = strncmp(name, "control.tar", 11) == 0;
		bool is_data = spool && strncmp(name, "data.tar", 8) == 0;
		int r = is_control || is_data ? read_tar(d, a, is_data ? spool : NULL, err) : 0;

		if (r < 0)
			return r;
		control |= is_control;
		data |= is_data;
	}
	if (!control || !data)
		return err_setf(err, -EBADMSG, "not a Debian package, or cut off");
	return take_control(d, err);
}

static int read_deb(const char *path, const struct spool *spool, struct deb *ret, struct err *err)
{
	cleanup_deb struct deb d = { .path = strdup(path) };
	int r;

	if (!d.path)
		return err_nomem(err);
	r = read_ar(&d, spool, err);
	if (r < 0)
		return err_wrapf(err, r, "package '%s'", path);
	*ret = d;
	d = (struct deb){ 0 };
	return 0;
}

int deb_read_control(const char *path, struct deb *ret, struct err *err)
{
	return read_deb(path, NULL, ret, err);
}

int deb_read(const char *path, int spool_fd, uint64_t *spool_bytes, struct deb *ret,
	     struct err *err)
{
	struct spool spool = { spool_fd, spool_bytes };

	return read_deb(path, &spool, ret, err);
}
