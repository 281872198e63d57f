#include "base-payload.h"
#include "base-twin.h"
#include "dpkg-db.h"
#include "twin-check.h"
#include "twin-db.h"

#include <string.h>

struct swap {
	const struct twin *t;
	struct dpkg_db db;		/* of the native root */
	struct dpkg_db target;		/* the same with diversions of the target */
	struct rootfs owned;		/* native paths of packages: node->package */
	const struct deb *deb;		/* the one at work */
	const struct dpkg_package *pkg; /* its native counterpart; NULL: payload */
	char *md5sums;			/* owned; of pkg */
};

static const struct deb *find_deb(const struct twin *t, const char *name)
{
	for (size_t i = 0; i < t->debs_len; i++)
		if (strcmp(t->debs[i].package, name) == 0)
			return &t->debs[i];
	return NULL;
}

/* "1.2-3+b1" and "1.2-3" come from one source: its binaries were only rebuilt. */
static bool same_source(const char *a, const char *b)
{
	size_t la = strlen(a), lb = strlen(b);
	const char *plus = strrchr(a, '+');

	if (plus && plus[1] == 'b' && plus[2 + strspn(plus + 2, "0123456789")] == '\0')
		la = (size_t)(plus - a);
	plus = strrchr(b, '+');
	if (plus && plus[1] == 'b' && plus[2 + strspn(plus + 2, "0123456789")] == '\0')
		lb = (size_t)(plus - b);
	return la == lb && memcmp(a, b, la) == 0;
}

static bool unchanged(const struct deb *d, const struct dpkg_package *p)
{
	return p && strcmp(d->arch, p->arch) == 0 && strcmp(d->version, p->version) == 0;
}

/* A folder of the package where the root has a link ("/lib" after the usr merge): not its file. */
static int is_link_to_folder(const struct dpkg_db *db, const struct dpkg_package *p,
			     const char *path, const struct rootfs_node *n, bool *ret,
			     struct err *err)
{
	cleanup_free char *list = NULL;
	char below[ROOTFS_PATH_MAX + 2];
	int r;

	*ret = false;
	if (!S_ISLNK(n->mode))
		return 0;
	r = dpkg_info_read(db, p, "list", &list, err);
	(void)snprintf(below, sizeof(below), "\n/%s/", path);
	*ret = r >= 0 && list && strstr(list, below);
	return r;
}

static int own_path(void *arg, const struct dpkg_package *p, const char *path, struct err *err)
{
	struct swap *s = arg;
	const struct deb *d = find_deb(s->t, p->name);
	char phys[ROOTFS_PATH_MAX];
	struct rootfs_node *mark;
	const struct rootfs_node *n;
	bool folder;
	int r;

	r = dpkg_physical(&s->db, s->t->native, p->name, path, phys, err);
	if (r < 0)
		return r;
	mark = rootfs_add(&s->owned, phys);
	if (!mark)
		return err_nomem(err);
	mark->package = p->name;
	n = rootfs_find(s->t->native, phys);
	if (n && d && unchanged(d, p))
		rootfs_find(s->t->root, phys)->package = p->name;
	if (!n || S_ISDIR(n->mode) || (d && unchanged(d, p)))
		return 0;
	r = is_link_to_folder(&s->db, p, path, n, &folder, err);
	if (r < 0 || folder)
		return r;
	rootfs_remove(rootfs_find(s->t->root, phys));
	return 0;
}

/* What every package owns; files of those that will be swapped go. */
static int take_ownership(struct swap *s, struct err *err)
{
	int r = 0;

	for (size_t i = 0; i < s->db.len && r >= 0; i++) {
		const struct dpkg_package *p = &s->db.items[i];
		const struct deb *d = find_deb(s->t, p->name);
		char path[ROOTFS_PATH_MAX];

		dpkg_info_path(p, "postinst", path);
		if (!d && rootfs_find(s->t->native, path))
			return err_setf(err, -EINVAL,
					"package '%s' exists only for %s and its scripts ran: "
					"its effects would stay in a root of %s",
					p->name, s->t->from->name, s->t->to->name);
		if (d && !same_source(d->version, p->version))
			return err_setf(
				err, -EINVAL,
				"package '%s' is %s for %s but %s for %s: scripts of one "
				"cannot stand for the other; run 'kiln update' when both are "
				"on the mirror",
				p->name, p->version, s->t->from->name, d->version, s->t->to->name);
		r = dpkg_each_path(&s->db, p, own_path, s, err);
	}
	return r;
}

/* The native file that stands for a target's path: the same, or with the triplet changed. */
static int counterpart(const struct swap *s, const char *path, char *ret_path,
		       const struct rootfs_node **ret, struct err *err)
{
	cleanup_buf struct buf b = BUF_INIT(ROOTFS_PATH_MAX);
	int r;

	*ret = NULL;
	if (arch_translate(&b, path, s->t->to, s->t->from) < 0)
		return err_setf(err, -ENAMETOOLONG, "path too long: '/%s'", path);
	r = dpkg_physical(&s->db, s->t->native, s->pkg ? s->pkg->name : "", buf_str(&b), ret_path,
			  err);
	if (r >= 0)
		*ret = rootfs_find(s->t->native, ret_path);
	return r;
}

/* A script changed the contents of a package's file: they stay if both sides brought the same. */
static int keep_changes(const struct swap *s, struct rootfs_node *n, const struct rootfs_node *old,
			const char *deb_path, struct err *err)
{
	cleanup_free char *recorded = NULL;
	char now[33], theirs[33];
	int r;

	recorded = dpkg_recorded_md5(s->pkg, s->md5sums, old->path);
	if (!recorded) /* the list has the path as the .deb has it: "lib/..." before the usr merge
			*/
		recorded = dpkg_recorded_md5(s->pkg, s->md5sums, deb_path);
	if (!recorded)
		return 0;
	r = dpkg_md5(old, now, err);
	if (r < 0 || strcmp(now, recorded) == 0)
		return r;
	r = dpkg_md5(n, theirs, err);
	if (r < 0)
		return r;
	if (strcmp(theirs, recorded) != 0)
		return err_setf(
			err, -EINVAL,
			"package '%s': a script changed '/%s', and the package brings other "
			"contents for %s than for %s",
			s->deb->package, old->path, s->t->to->name, s->t->from->name);
	n->fd = old->fd;
	n->offset_bytes = old->offset_bytes;
	n->size_bytes = old->size_bytes;
	return 0;
}

static int set_contents(const struct swap *s, struct rootfs_node *n, const struct deb_file *f,
			struct err *err)
{
	char phys[ROOTFS_PATH_MAX];
	struct rootfs_node *first;
	int r;

	n->mode = f->mode;
	n->uid = f->uid;
	n->gid = f->gid;
	n->mtime_s = f->mtime_s;
	if (f->link)
		return rootfs_set_link(n, f->link, err);
	if (!f->hardlink) {
		n->fd = s->t->root->spool_fd;
		n->offset_bytes = f->offset_bytes;
		n->size_bytes = f->size_bytes;
		return 0;
	}
	r = dpkg_physical(&s->target, s->t->root, s->deb->package, f->hardlink, phys, err);
	if (r < 0)
		return r;
	first = rootfs_find(s->t->root, phys);
	if (!first || !S_ISREG(first->mode))
		return err_setf(err, -EBADMSG,
				"package '%s': '/%s' is a hard link to '/%s', which is "
				"not there",
				s->deb->package, f->path, f->hardlink);
	rootfs_set_hardlink(s->t->root, n, first);
	return 0;
}

/* A folder that scripts left their way stays so. 1: it is settled, 0: it is to be made. */
static int add_folder(struct swap *s, const char *phys, struct rootfs_node *n,
		      const struct rootfs_node *old, struct err *err)
{
	int r;

	if (n) {
		n->package = s->deb->package; /* wanted by the target: see drop_stale_dirs() */
		return S_ISDIR(n->mode) || S_ISLNK(n->mode);
	}
	if (!old || !S_ISLNK(old->mode))
		return 0;
	n = rootfs_add(s->t->root, phys); /* a script put a link in its place */
	r = n ? rootfs_set_link(n, old->link, err) : err_nomem(err);
	return r < 0 ? r : 1;
}

/* The file as the package has it; what scripts did to the native one is kept. */
static int put_file(struct swap *s, const struct deb_file *f, const char *phys,
		    const struct rootfs_node *old, struct err *err)
{
	struct rootfs_node *n = rootfs_add(s->t->root, phys);
	int r;

	if (!n)
		return err_nomem(err);
	n->package = s->deb->package;
	r = set_contents(s, n, f, err);
	if (r < 0 || !old || (old->mode & S_IFMT) != (n->mode & S_IFMT))
		return r;
	if (rootfs_copy_meta(n, old) < 0)
		return err_nomem(err);
	return s->pkg && S_ISREG(n->mode) && !f->hardlink ? keep_changes(s, n, old, f->path, err)
							  : 0;
}

static int add_file(struct swap *s, const struct deb_file *f, struct err *err)
{
	char phys[ROOTFS_PATH_MAX], native[ROOTFS_PATH_MAX];
	const struct rootfs_node *old;
	struct rootfs_node *n;
	int r;

	r = dpkg_physical(&s->target, s->t->root, s->deb->package, f->path, phys, err);
	if (r >= 0)
		r = counterpart(s, f->path, native, &old, err);
	if (r < 0)
		return r;
	n = rootfs_find(s->t->root, phys);
	if (S_ISDIR(f->mode)) {
		r = add_folder(s, phys, n, old, err);
		if (r != 0)
			return r < 0 ? r : 0;
	}
	if (n && !s->pkg)
		return err_setf(err, -EINVAL, "package '%s' brings '/%s', which is there already",
				s->deb->package, phys);
	if (!old && s->pkg && !S_ISDIR(f->mode) && rootfs_find(&s->owned, native))
		return 0; /* a script removed it */
	return put_file(s, f, phys, old, err);
}

static int swap_package(struct swap *s, const struct deb *d, struct err *err)
{
	const char *why = NULL;
	int r = 0;

	s->deb = d;
	s->pkg = dpkg_find(&s->db, d->package);
	if (unchanged(d, s->pkg))
		return 0;
	if (!s->pkg && !payload_ok(d, &why))
		return err_setf(err, -EINVAL,
				"package '%s' exists only for %s and cannot just be "
				"unpacked: %s; try --emulate",
				d->package, s->t->to->name, why);
	free(s->md5sums);
	s->md5sums = NULL;
	if (s->pkg)
		r = dpkg_info_read(&s->db, s->pkg, "md5sums", &s->md5sums, err);
	for (size_t i = 0; i < d->files_len && r >= 0; i++)
		r = add_file(s, &d->files[i], err);
	return r;
}

static int swap_all(struct swap *s, struct err *err)
{
	const struct deb *first =
		find_deb(s->t, "base-files"); /* brings the links of the usr merge */
	int r = 0;

	if (first)
		r = swap_package(s, first, err);
	for (size_t i = 0; i < s->t->debs_len && r >= 0; i++)
		if (&s->t->debs[i] != first)
			r = swap_package(s, &s->t->debs[i], err);
	return r;
}

/* Folders of native packages that no package of the target has, and nothing is in. */
static void drop_stale_dirs(const struct swap *s)
{
	for (size_t i = s->owned.len; i > 0; i--) {
		const char *path = s->owned.nodes[i - 1]->path;
		struct rootfs_node *n = rootfs_find(s->t->root, path);
		size_t len = strlen(path);
		bool used = false;

		if (!n || !S_ISDIR(n->mode) || n->package)
			continue;
		for (size_t k = 0; k < s->t->root->len && !used; k++) {
			const struct rootfs_node *m = s->t->root->nodes[k];

			used = !m->gone && strncmp(m->path, path, len) == 0 && m->path[len] == '/';
		}
		if (!used)
			rootfs_remove(n);
	}
}

int twin_make(const struct twin *t, struct err *err)
{
	struct swap s = { .t = t, .owned = { .spool_fd = -EBADF } };
	int r;

	r = dpkg_db_load(&s.db, t->native, err);
	if (r >= 0)
		r = rootfs_init(&s.owned, "/tmp", err);
	if (r >= 0)
		r = take_ownership(&s, err);
	if (r >= 0)
		r = twin_db_diversions(t, err);
	if (r >= 0)
		r = dpkg_db_load(&s.target, t->root, err);
	if (r >= 0)
		r = swap_all(&s, err);
	if (r >= 0)
		drop_stale_dirs(&s);
	if (r >= 0 && t->from != t->to)
		r = twin_check(t, &s.owned, err);
	if (r >= 0)
		r = twin_db_write(t, &s.db, err);
	free(s.md5sums);
	rootfs_done(&s.owned);
	dpkg_db_done(&s.target);
	dpkg_db_done(&s.db);
	return r;
}
