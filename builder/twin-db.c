#include "control.h"
#include "twin-db.h"

#include <string.h>

#define ADMIN "var/lib/dpkg/"
#define STATUS_MAX (64U << 20)
#define LIST_MAX (16U << 20)

int twin_db_translate(const struct twin *t, const char *path, struct err *err)
{
	cleanup_buf struct buf b = BUF_INIT(LIST_MAX);
	struct rootfs_node *n = rootfs_find(t->root, path);
	cleanup_free char *text = NULL;
	int r;

	if (!n || !S_ISREG(n->mode))
		return 0;
	r = rootfs_read(n, &text, NULL, err);
	if (r < 0)
		return r;
	if (arch_translate(&b, text, t->from, t->to) < 0)
		return err_nomem(err);
	return rootfs_set_data(t->root, n, buf_str(&b), b.len, err);
}

/* One architecture a line: the file holds names, nothing else. */
static int set_arch_file(const struct twin *t, const char *path, struct err *err)
{
	struct rootfs_node *n = rootfs_find(t->root, path);
	char line[64];

	if (!n)
		return 0;
	(void)snprintf(line, sizeof(line), "%s\n", t->to->name);
	return rootfs_set_data(t->root, n, line, strlen(line), err);
}

/*
 * base-files diverts the folders of the usr merge that its architecture has no link for
 * ("/lib64" on arm64), so that no package makes them.
 */
static int divert_merged(const struct twin *t, struct err *err)
{
	static const char *const folders[] = { "lib32", "lib64", "libo32", "libx32" };
	cleanup_buf struct buf b = BUF_INIT(LIST_MAX);
	struct rootfs_node *n = rootfs_find(t->root, ADMIN "diversions");
	cleanup_free char *text = NULL;
	const struct deb *d = NULL;
	int r;

	for (size_t i = 0; i < t->debs_len; i++)
		if (strcmp(t->debs[i].package, "base-files") == 0)
			d = &t->debs[i];
	if (!n || !d)
		return 0;
	r = rootfs_read(n, &text, NULL, err);
	if (r < 0)
		return r;
	for (size_t i = 0; i < ARRAY_SIZE(folders); i++) {
		char entry[128], *at;
		bool brings = false;

		(void)snprintf(entry, sizeof(entry), "/%s\n/.%s.usr-is-merged\nbase-files\n",
			       folders[i], folders[i]);
		for (size_t k = 0; k < d->files_len; k++)
			brings |= strcmp(d->files[k].path, folders[i]) == 0;
		at = strstr(text, entry);
		if (at && brings)
			memmove(at, at + strlen(entry), strlen(at + strlen(entry)) + 1);
		if (!at && !brings)
			(void)buf_adds(&b, entry);
	}
	(void)buf_adds(&b, text);
	if (buf_error(&b) < 0)
		return err_nomem(err);
	return rootfs_set_data(t->root, n, buf_str(&b), b.len, err);
}

int twin_db_diversions(const struct twin *t, struct err *err)
{
	int r;

	if (t->from == t->to)
		return 0;
	r = twin_db_translate(t, ADMIN "diversions", err);
	if (r >= 0)
		r = divert_merged(t, err);
	if (r >= 0)
		r = set_arch_file(t, ADMIN "arch", err);
	if (r >= 0)
		r = set_arch_file(t, ADMIN "arch-native", err);
	return r;
}

static int file_md5(const struct twin *t, const struct deb_file *f, char dst[33], struct err *err)
{
	struct rootfs_node n = { .path = f->path,
				 .fd = t->root->spool_fd,
				 .offset_bytes = f->offset_bytes,
				 .size_bytes = f->size_bytes };

	return dpkg_md5(&n, dst, err);
}

static int conffile_md5(const struct twin *t, const struct deb *d, const char *path, size_t len,
			char dst[33], struct err *err)
{
	for (size_t i = 0; i < d->files_len; i++)
		if (strlen(d->files[i].path) == len && memcmp(d->files[i].path, path, len) == 0)
			return file_md5(t, &d->files[i], dst, err);
	return err_setf(err, -EBADMSG, "package '%s' does not bring its conffile '/%.*s'",
			d->package, (int)len, path);
}

static int add_conffiles(struct buf *out, const struct twin *t, const struct deb *d,
			 struct err *err)
{
	const struct deb_member *m = deb_member(d, "conffiles");
	const char *end;
	char md5[33];
	int r;

	for (const char *p = m ? m->data : ""; *p; p = *end ? end + 1 : end) {
		end = p + strcspn(p, "\n");
		if (strncmp(p, "remove-on-upgrade /", 19) ==
		    0) /* brings nothing; noted as dpkg notes it */
			(void)buf_addf(out, " %.*s newconffile remove-on-upgrade\n",
				       (int)(end - p - 18), p + 18);
		if (*p != '/')
			continue;
		r = conffile_md5(t, d, p + 1, (size_t)(end - p) - 1, md5, err);
		if (r < 0)
			return r;
		(void)buf_addf(out, " %.*s %s\n", (int)(end - p), p, md5);
	}
	return buf_error(out) < 0 ? err_nomem(err) : 0;
}

static int remove_info(const struct twin *t, const struct dpkg_package *p, struct err *err)
{
	char prefix[ROOTFS_PATH_MAX];
	size_t len;

	(void)err;
	dpkg_info_path(p, "", prefix);
	len = strlen(prefix);
	for (size_t i = 0; i < t->root->len; i++) {
		struct rootfs_node *n = t->root->nodes[i];

		if (!n->gone && strncmp(n->path, prefix, len) == 0 && !strchr(n->path + len, '.'))
			rootfs_remove(n);
	}
	return 0;
}

static int put_info(const struct twin *t, const struct dpkg_package *p, const char *ext,
		    mode_t mode, const void *data, size_t len, int64_t mtime_s, struct err *err)
{
	char path[ROOTFS_PATH_MAX];
	int r;

	dpkg_info_path(p, ext, path);
	r = rootfs_put_file(t->root, path, mode, data, len, err);
	if (r >= 0)
		rootfs_find(t->root, path)->mtime_s = mtime_s;
	return r;
}

/* dpkg makes this list itself for a package that brings none, conffiles included. */
static int add_md5sums(const struct twin *t, const struct deb *d, const struct dpkg_package *p,
		       int64_t mtime_s, struct err *err)
{
	cleanup_buf struct buf list = BUF_INIT(LIST_MAX);
	char md5[33];
	int r = 0;

	for (size_t i = 0; i < d->files_len && r >= 0; i++) {
		const struct deb_file *f = &d->files[i];

		if (!S_ISREG(f->mode) || f->hardlink)
			continue;
		r = file_md5(t, f, md5, err);
		(void)buf_addf(&list, "%s  %s\n", md5, f->path);
	}
	if (r < 0)
		return r;
	if (buf_error(&list) < 0)
		return err_nomem(err);
	return put_info(t, p, "md5sums", 0644, buf_str(&list), list.len, mtime_s, err);
}

static int add_info(const struct twin *t, const struct deb *d, struct err *err)
{
	cleanup_buf struct buf list = BUF_INIT(LIST_MAX);
	struct dpkg_package p = { .name = d->package, .arch = d->arch };
	int64_t mtime_s = d->files_len ? d->files[0].mtime_s : 0;
	int r;

	p.same = d->multi_arch && strcmp(d->multi_arch, "same") == 0;
	for (size_t i = 0; i < d->members_len; i++) {
		const struct deb_member *m = &d->members[i];

		if (strcmp(m->name, "control") == 0)
			continue;
		r = put_info(t, &p, m->name, m->mode & 0111 ? 0755 : 0644, m->data, m->len, mtime_s,
			     err);
		if (r < 0)
			return r;
	}
	if (!deb_member(d, "md5sums")) {
		r = add_md5sums(t, d, &p, mtime_s, err);
		if (r < 0)
			return r;
	}
	for (size_t i = 0; i < d->files_len; i++)
		(void)buf_addf(&list, "/%s\n", d->files[i].path[0] ? d->files[i].path : ".");
	if (buf_error(&list) < 0)
		return err_nomem(err);
	return put_info(t, &p, "list", 0644, buf_str(&list), list.len, mtime_s, err);
}

/* A trigger that a payload package waits for: one line more in the trigger's file. */
static int add_interest(const struct twin *t, const struct deb *d, const char *name,
			size_t name_len, bool noawait, struct err *err)
{
	cleanup_buf struct buf b = BUF_INIT(LIST_MAX);
	cleanup_free char *old = NULL;
	bool file = name[0] == '/';
	char path[ROOTFS_PATH_MAX];
	const struct rootfs_node *n;
	int r = 0;

	(void)snprintf(path, sizeof(path), ADMIN "triggers/%.*s", file ? 4 : (int)name_len,
		       file ? "File" : name);
	n = rootfs_find(t->root, path);
	if (n)
		r = rootfs_read(n, &old, NULL, err);
	if (r < 0)
		return r;
	(void)buf_adds(&b, old ? old : "");
	if (file)
		(void)buf_addf(&b, "%.*s ", (int)name_len, name);
	(void)buf_adds(&b, d->package);
	if (d->multi_arch && strcmp(d->multi_arch, "same") == 0)
		(void)buf_addf(&b, ":%s", d->arch);
	(void)buf_adds(&b, noawait ? "/noawait\n" : "\n");
	if (buf_error(&b) < 0)
		return err_nomem(err);
	return rootfs_put_file(t->root, path, 0644, buf_str(&b), b.len, err);
}

static int add_interests(const struct twin *t, const struct deb *d, struct err *err)
{
	const struct deb_member *m = deb_member(d, "triggers");
	int r = 0;

	for (const char *p = m ? m->data : ""; *p && r >= 0;) {
		size_t len = strcspn(p, "\n");
		size_t word = strcspn(p, " \t\n");
		const char *name = p + word + strspn(p + word, " \t");

		if (strncmp(p, "interest", 8) == 0 && name < p + len)
			r = add_interest(t, d, name, strcspn(name, " \t\n"),
					 word == 16 && strncmp(p, "interest-noawait", 16) == 0,
					 err);
		p += len + (p[len] == '\n');
	}
	return r;
}

static int record(const struct twin *t, const struct dpkg_db *native, const struct deb *d,
		  struct buf *status, struct err *err)
{
	cleanup_buf struct buf conffiles = BUF_INIT(LIST_MAX);
	const struct dpkg_package *p = dpkg_find(native, d->package);
	const struct deb_member *control = deb_member(d, "control");
	int r;

	if (p && strcmp(p->arch, d->arch) == 0 && strcmp(p->version, d->version) == 0) {
		(void)buf_add(status, p->stanza, p->stanza_len);
		(void)buf_addc(status, '\n');
		return 0;
	}
	r = p ? remove_info(t, p, err) : 0;
	if (r >= 0)
		r = add_info(t, d, err);
	if (r >= 0)
		r = add_conffiles(&conffiles, t, d, err);
	if (r >= 0)
		r = control_add_installed(status, control->data, control->len, buf_str(&conffiles),
					  err);
	(void)buf_addc(status, '\n');
	return r;
}

static int remove_native_only(const struct twin *t, const struct dpkg_db *native, struct err *err)
{
	int r = 0;

	for (size_t i = 0; i < native->len && r >= 0; i++) {
		bool found = false;

		for (size_t k = 0; k < t->debs_len && !found; k++)
			found = strcmp(t->debs[k].package, native->items[i].name) == 0;
		if (!found)
			r = remove_info(t, &native->items[i], err);
	}
	return r;
}

/* Who waits for which trigger stands in the packages themselves. */
static void drop_triggers(const struct twin *t)
{
	static const char dir[] = ADMIN "triggers/";

	for (size_t i = 0; i < t->root->len; i++) {
		struct rootfs_node *n = t->root->nodes[i];
		const char *name = n->path + sizeof(dir) - 1;

		if (!n->gone && strncmp(n->path, dir, sizeof(dir) - 1) == 0 &&
		    strcmp(name, "Lock") != 0 && strcmp(name, "Unincorp") != 0)
			rootfs_remove(n);
	}
}

/* apt's note of the payload that came as a dependency. */
static int mark_automatic(const struct twin *t, const struct dpkg_db *native, struct err *err)
{
	static const char path[] = "var/lib/apt/extended_states";
	cleanup_buf struct buf b = BUF_INIT(LIST_MAX);
	struct rootfs_node *n = rootfs_find(t->root, path);
	cleanup_free char *old = NULL;
	int r = n ? rootfs_read(n, &old, NULL, err) : 0;

	if (r < 0 || !t->names)
		return r;
	(void)buf_adds(&b, old ? old : "");
	for (size_t i = 0; i < t->debs_len; i++) {
		const char *name = t->debs[i].package;
		bool asked = strcmp(name, "kiln-node") == 0 || dpkg_find(native, name);

		for (size_t k = 0; k < t->names->len && !asked; k++)
			asked = strcmp(t->names->items[k], name) == 0;
		if (!asked)
			(void)buf_addf(&b, "Package: %s\nArchitecture: %s\nAuto-Installed: 1\n\n",
				       name, t->to->name);
	}
	if (buf_error(&b) < 0)
		return err_nomem(err);
	return rootfs_put_file(t->root, path, 0644, buf_str(&b), b.len, err);
}

int twin_db_write(const struct twin *t, const struct dpkg_db *native, struct err *err)
{
	cleanup_buf struct buf status = BUF_INIT(STATUS_MAX);
	struct rootfs_node *n = rootfs_find(t->root, ADMIN "status");
	int r = 0;

	drop_triggers(t);
	for (size_t i = 0; i < t->debs_len && r >= 0; i++)
		r = add_interests(t, &t->debs[i], err);
	if (r >= 0)
		r = mark_automatic(t, native, err);
	if (r >= 0)
		r = remove_native_only(t, native, err);
	for (size_t i = 0; i < t->debs_len && r >= 0; i++) {
		r = record(t, native, &t->debs[i], &status, err);
		if (r < 0)
			return err_wrapf(err, r, "package '%s'", t->debs[i].package);
	}
	if (r < 0)
		return r;
	if (buf_error(&status) < 0)
		return err_nomem(err);
	return rootfs_set_data(t->root, n, buf_str(&status), status.len, err);
}
