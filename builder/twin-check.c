#include "twin-check.h"
#include "dpkg-db.h"
#include "log.h"
#include "twin-db.h"

#include <endian.h>
#include <string.h>

enum handling {
	TRANSLATE, /* text that names the architecture as a field */
	QUALIFIED, /* text that qualifies packages by the architecture */
	DATABASE,  /* dpkg's own, written by twin-db.c */
	IGNORE,	   /* names architectures as data, the same on each */
};
static const struct {
	const char *prefix;
	enum handling handling;
	const char *reason;
} known[] = {
	{ "var/lib/apt/extended_states", TRANSLATE, "which packages came as dependencies" },
	{ "var/lib/dpkg/", DATABASE, "rewritten for the target" },
	{ "var/cache/debconf/", QUALIFIED, "questions and who asked them: \"libc6:amd64\"" },
	{ "usr/lib/udev/hwdb.bin", IGNORE, "devices' names; the format has fixed byte order" },
};

static int known_as(const char *path)
{
	for (size_t i = 0; i < ARRAY_SIZE(known); i++)
		if (strncmp(path, known[i].prefix, strlen(known[i].prefix)) == 0)
			return (int)known[i].handling;
	return -1;
}

/*
 * Nobody records which script made a file: the package whose script names it, else the
 * one that owns the nearest folder.
 */
static const char *guess_package(const struct twin *t, const struct rootfs *owned, const char *path,
				 char *dst, size_t size)
{
	static const char info[] = "var/lib/dpkg/info/";
	const char *base = strrchr(path, '/');
	char dir[ROOTFS_PATH_MAX];

	base = base ? base + 1 : path;
	for (size_t i = 0; i < t->native->len; i++) {
		const struct rootfs_node *n = t->native->nodes[i];
		const char *ext = strrchr(n->path, '.');
		struct err ignored = { 0 };
		bool found = false;

		if (n->gone || !ext || strncmp(n->path, info, sizeof(info) - 1) != 0 ||
		    strcmp(ext, ".postinst") != 0)
			continue;
		if (rootfs_contains(n, base, &found, &ignored) >= 0 && found) {
			(void)snprintf(dst, size, "%.*s", (int)(ext - n->path - (sizeof(info) - 1)),
				       n->path + sizeof(info) - 1);
			dst[strcspn(dst, ":")] = '\0';
			return dst;
		}
	}
	(void)snprintf(dir, sizeof(dir), "%s", path);
	for (char *slash; (slash = strrchr(dir, '/'));) {
		const struct rootfs_node *n;

		*slash = '\0';
		n = rootfs_find(owned, dir);
		if (n && n->package)
			return n->package;
	}
	return "unknown";
}

static int refuse(const struct twin *t, const struct rootfs *owned, const char *path,
		  const char *what, struct err *err)
{
	char name[128];

	return err_setf(
		err, -EINVAL,
		"package '%s': its scripts generated '/%s', which %s %s, so it does not hold on "
		"%s; leave the package out, or build with --emulate",
		guess_package(t, owned, path, name, sizeof(name)), path, what, t->from->name,
		t->to->name);
}

static int same_contents(const struct rootfs_node *a, const struct rootfs_node *b, bool *ret,
			 struct err *err)
{
	char one[33], two[33];
	int r = dpkg_md5(a, one, err);

	if (r >= 0)
		r = dpkg_md5(b, two, err);
	if (r >= 0)
		*ret = strcmp(one, two) == 0;
	return r;
}

/* Compiled Python of a source that the target does not have, or has in another version. */
static int check_pyc(const struct twin *t, struct rootfs_node *n, struct err *err)
{
	char source[ROOTFS_PATH_MAX], head[16];
	const char *cache = strstr(n->path, "/__pycache__/");
	const char *base = cache + strlen("/__pycache__/");
	const struct rootfs_node *py, *was;
	cleanup_free char *data = NULL;
	uint32_t mtime, flags;
	bool same = false;
	int r;

	(void)snprintf(source, sizeof(source), "%.*s/%.*s.py", (int)(cache - n->path), n->path,
		       (int)strcspn(base, "."), base);
	py = rootfs_find(t->root, source);
	was = rootfs_find(t->native, source);
	if (py && was && n->size_bytes >= sizeof(head)) {
		r = rootfs_read(n, &data, NULL, err);
		if (r >= 0)
			r = same_contents(py, was, &same, err);
		if (r < 0)
			return r;
		/* magic, flags, then the source's time or its hash: little-endian (PEP 552) */
		memcpy(&flags, data + 4, sizeof(flags));
		memcpy(&mtime, data + 8, sizeof(mtime));
		if (same && (le32toh(flags) & 1 || le32toh(mtime) == (uint32_t)py->mtime_s))
			return 0;
	}
	rootfs_remove(n);
	return 0;
}

static int translate(const struct twin *t, struct rootfs_node *n, struct err *err)
{
	cleanup_buf struct buf b = BUF_INIT(ROOTFS_SMALL_MAX);
	cleanup_free char *text = NULL;
	size_t len = strlen(t->from->name);
	int r;

	r = rootfs_read(n, &text, NULL, err);
	if (r < 0)
		return r;
	for (const char *p = text; *p;) {
		const char *hit = strstr(p, "Architecture: ");

		hit = hit ? hit + strlen("Architecture: ") : p + strlen(p);
		(void)buf_add(&b, p, (size_t)(hit - p));
		p = hit;
		if (*p && strncmp(p, t->from->name, len) == 0 && p[len] == '\n') {
			(void)buf_adds(&b, t->to->name);
			p += len;
		}
	}
	if (buf_error(&b) < 0)
		return err_nomem(err);
	return rootfs_set_data(t->root, n, buf_str(&b), b.len, err);
}

/* A copy of a file that a package of the target brings (ucf, cp of an example) holds there. */
static int is_copy(const struct twin *t, const struct rootfs *owned, const struct rootfs_node *n,
		   bool *ret, struct err *err)
{
	*ret = false;
	for (size_t i = 0; i < owned->len && !*ret; i++) {
		const struct rootfs_node *p = rootfs_find(t->root, owned->nodes[i]->path);
		int r;

		if (!p || !S_ISREG(p->mode) || p->size_bytes != n->size_bytes)
			continue;
		r = same_contents(n, p, ret, err);
		if (r < 0)
			return r;
	}
	return 0;
}

static int check_contents(const struct twin *t, const struct rootfs *owned,
			  const struct rootfs_node *n, struct err *err)
{
	const char *const names[] = { t->from->triplet, t->from->name, t->from->machine };
	bool found = false;
	int r;

	r = rootfs_is_elf(n, &found, err);
	if (r < 0)
		return r;
	if (found)
		return refuse(t, owned, n->path, "is a program or library for", err);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		bool copy = false;

		r = rootfs_contains(n, names[i], &found, err);
		if (r >= 0 && found)
			r = is_copy(t, owned, n, &copy, err);
		if (r < 0 || copy)
			return r;
		if (found)
			return refuse(t, owned, n->path, "names", err);
	}
	return 0;
}

static int check_node(const struct twin *t, const struct rootfs *owned, struct rootfs_node *n,
		      struct err *err)
{
	int how = known_as(n->path);
	size_t len = strlen(n->path);

	if (how == QUALIFIED)
		return twin_db_translate(t, n->path, err);
	if (how == TRANSLATE)
		return translate(t, n, err);
	if (how >= 0)
		return 0;
	if (strstr(n->path, "/__pycache__/") && len > 4 && strcmp(n->path + len - 4, ".pyc") == 0)
		return check_pyc(t, n, err); /* of the same source: whatever that names */
	if (arch_named_in(n->path, t->from))
		return refuse(t, owned, n->path, "names in its path", err);
	if (S_ISLNK(n->mode) && arch_named_in(n->link, t->from))
		return refuse(t, owned, n->path, "is a link that names", err);
	return S_ISREG(n->mode) ? check_contents(t, owned, n, err) : 0;
}

/* Folders that the native packages made for their architecture and nothing is in any more. */
static void drop_empty_dirs(const struct twin *t)
{
	for (size_t i = t->root->len; i > 0; i--) {
		struct rootfs_node *n = t->root->nodes[i - 1];
		bool used = false;

		if (n->gone || !S_ISDIR(n->mode) || !arch_named_in(n->path, t->from))
			continue;
		for (size_t k = 0; k < t->root->len && !used; k++) {
			const struct rootfs_node *m = t->root->nodes[k];
			size_t len = strlen(n->path);

			used = !m->gone && strncmp(m->path, n->path, len) == 0 &&
			       m->path[len] == '/';
		}
		if (!used)
			rootfs_remove(n);
	}
}

int twin_check(const struct twin *t, const struct rootfs *owned, struct err *err)
{
	struct err other = { 0 };
	size_t count = 0;
	int r = 0;

	drop_empty_dirs(t);
	for (size_t i = 0; i < t->root->len && r >= 0; i++) {
		struct rootfs_node *n = t->root->nodes[i];
		const struct rootfs_node *before = rootfs_find(t->native, n->path);
		const struct rootfs_node *o = rootfs_find(owned, n->path);

		/* generated: in the native root and owned by nobody there */
		if (n->gone || S_ISDIR(n->mode) || !before || (o && o->package))
			continue;
		r = check_node(t, owned, n, count ? &other : err);
		if (r == -EINVAL) {
			log_debugf("%s", count ? other.msg : err->msg);
			count++;
			r = 0;
		}
	}
	if (r >= 0 && count > 1)
		return err_wrapf(err, -EINVAL, "%zu files do not hold, the first", count);
	return r >= 0 && count ? -EINVAL : r;
}
