#include "control.h"
#include "dpkg-db.h"
#include "file.h"
#include "parse.h"

#include <openssl/evp.h>
#include <string.h>

#define ADMIN "var/lib/dpkg/"
#define MD5_HEX 32

void dpkg_db_done(struct dpkg_db *db)
{
	for (size_t i = 0; i < db->len; i++) {
		free(db->items[i].name);
		free(db->items[i].version);
		free(db->items[i].arch);
	}
	for (size_t i = 0; i < db->diversions_len; i++) {
		free(db->diversions[i].from);
		free(db->diversions[i].to);
		free(db->diversions[i].package);
	}
	free(db->items);
	free(db->diversions);
	free(db->status);
	*db = (struct dpkg_db){ 0 };
}

static int read_path(const struct rootfs *root, const char *path, char **ret, struct err *err)
{
	const struct rootfs_node *n = rootfs_find(root, path);

	*ret = NULL;
	return n ? rootfs_read(n, ret, NULL, err) : 0;
}

static bool has_value(const char *stanza, size_t len, const char *field, const char *value)
{
	struct control_field f;

	return control_find(stanza, len, field, &f) && f.value_len == strlen(value) &&
	       memcmp(f.value, value, f.value_len) == 0;
}

static int load_status(struct dpkg_db *db, struct err *err)
{
	const char *at, *stanza;
	size_t len, count = 0;

	for (at = db->status; control_next(&at, &stanza, &len);)
		count++;
	db->items = calloc(count + 1, sizeof(*db->items));
	if (!db->items)
		return err_nomem(err);
	for (at = db->status; control_next(&at, &stanza, &len);) {
		struct dpkg_package *p = &db->items[db->len];

		p->name = control_get(stanza, len, "Package");
		if (!has_value(stanza, len, "Status", "install ok installed"))
			return err_setf(err, -EBADMSG, "package '%s' is not fully installed",
					p->name ? p->name : "?");
		p->version = control_get(stanza, len, "Version");
		p->arch = control_get(stanza, len, "Architecture");
		p->same = has_value(stanza, len, "Multi-Arch", "same");
		p->stanza = stanza;
		p->stanza_len = len;
		db->len++;
		if (!p->name || !p->version || !p->arch)
			return err_setf(err, -EBADMSG, "/" ADMIN "status: entry %zu lacks a field",
					db->len);
	}
	return 0;
}

static char *next_line(char **at)
{
	char *line = *at, *end = strchr(line, '\n');

	if (!*line)
		return NULL;
	if (end)
		*end++ = '\0';
	*at = end ? end : line + strlen(line);
	return line;
}

static int load_diversions(struct dpkg_db *db, struct err *err)
{
	cleanup_free char *text = NULL;
	char *at, *from, *to, *package;
	size_t lines = 0;
	int r;

	r = read_path(db->root, ADMIN "diversions", &text, err);
	if (r < 0 || !text)
		return r;
	for (const char *p = text; (p = strchr(p, '\n')); p++)
		lines++;
	db->diversions = calloc(lines / 3 + 1, sizeof(*db->diversions));
	if (!db->diversions)
		return err_nomem(err);
	for (at = text; (from = next_line(&at));) {
		struct dpkg_diversion *d = &db->diversions[db->diversions_len];

		to = next_line(&at);
		package = next_line(&at);
		if (!to || !package || from[0] != '/' || to[0] != '/')
			return err_setf(err, -EBADMSG, "/" ADMIN "diversions is damaged");
		d->from = strdup(from + 1);
		d->to = strdup(to + 1);
		d->package = strdup(package);
		db->diversions_len++;
		if (!d->from || !d->to || !d->package)
			return err_nomem(err);
	}
	return 0;
}

int dpkg_db_load(struct dpkg_db *db, const struct rootfs *root, struct err *err)
{
	int r;

	*db = (struct dpkg_db){ .root = root };
	r = read_path(root, ADMIN "status", &db->status, err);
	if (r >= 0 && !db->status)
		r = err_setf(err, -EBADMSG, "the root has no /" ADMIN "status");
	if (r >= 0)
		r = load_status(db, err);
	if (r >= 0)
		r = load_diversions(db, err);
	if (r < 0)
		dpkg_db_done(db);
	return r;
}

const struct dpkg_package *dpkg_find(const struct dpkg_db *db, const char *name)
{
	for (size_t i = 0; i < db->len; i++)
		if (strcmp(db->items[i].name, name) == 0)
			return &db->items[i];
	return NULL;
}

void dpkg_info_path(const struct dpkg_package *p, const char *ext, char *dst)
{
	(void)snprintf(dst, ROOTFS_PATH_MAX, ADMIN "info/%s%s%s.%s", p->name, p->same ? ":" : "",
		       p->same ? p->arch : "", ext);
}

int dpkg_info_read(const struct dpkg_db *db, const struct dpkg_package *p, const char *ext,
		   char **ret, struct err *err)
{
	char path[ROOTFS_PATH_MAX];

	dpkg_info_path(p, ext, path);
	return read_path(db->root, path, ret, err);
}

int dpkg_physical(const struct dpkg_db *db, const struct rootfs *root, const char *package,
		  const char *path, char *dst, struct err *err)
{
	for (size_t i = 0; i < db->diversions_len; i++) {
		const struct dpkg_diversion *d = &db->diversions[i];

		if (strcmp(d->from, path) == 0 && strcmp(d->package, package) != 0)
			path = d->to;
	}
	return rootfs_resolve(root, path, dst, err);
}

int dpkg_each_path(const struct dpkg_db *db, const struct dpkg_package *p, dpkg_path_fn *fn,
		   void *arg, struct err *err)
{
	cleanup_free char *list = NULL;
	char *at, *line;
	int r;

	r = dpkg_info_read(db, p, "list", &list, err);
	if (r >= 0 && !list)
		r = err_setf(err, -EBADMSG, "package '%s' has no list of files", p->name);
	for (at = list; r >= 0 && (line = next_line(&at));)
		if (strcmp(line, "/.") != 0 && line[0] == '/')
			r = fn(arg, p, line + 1, err);
	return r;
}

char *dpkg_recorded_md5(const struct dpkg_package *p, const char *md5sums, const char *path)
{
	struct control_field f;
	size_t len = strlen(path);
	const char *end;

	/* a line is "<md5>  <path>" */
	for (const char *at = md5sums; at && *at; at = end ? end + 1 : NULL) {
		end = strchr(at, '\n');
		if (end && (size_t)(end - at) == MD5_HEX + 2 + len &&
		    memcmp(at + MD5_HEX + 2, path, len) == 0)
			return strndup(at, MD5_HEX);
	}
	if (!control_find(p->stanza, p->stanza_len, "Conffiles", &f))
		return NULL;
	/* a line is " /<path> <md5>[ obsolete]" */
	for (const char *at = f.value; at < f.value + f.value_len; at++) {
		if (at[0] != '\n' || at[1] != ' ' || at[2] != '/')
			continue;
		if (strncmp(at + 3, path, len) == 0 && at[3 + len] == ' ')
			return strndup(at + 3 + len + 1, MD5_HEX);
	}
	return NULL;
}

int dpkg_md5(const struct rootfs_node *n, char dst[33], struct err *err)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	unsigned char sum[EVP_MAX_MD_SIZE], block[1 << 16];
	unsigned int len = 0;
	ssize_t got = 1;
	bool ok = ctx && EVP_DigestInit_ex(ctx, EVP_md5(), NULL) == 1;

	for (uint64_t at = 0; ok && at < n->size_bytes && got > 0; at += (uint64_t)got) {
		uint64_t left = n->size_bytes - at;

		got = pread_upto(n->fd, block, left < sizeof(block) ? (size_t)left : sizeof(block),
				 n->offset_bytes + at);
		ok = got > 0 && EVP_DigestUpdate(ctx, block, (size_t)got) == 1;
	}
	ok = ok && EVP_DigestFinal_ex(ctx, sum, &len) == 1;
	EVP_MD_CTX_free(ctx);
	if (!ok)
		return err_setf(err, got < 0 ? (int)got : -EIO, "cannot read '/%s'", n->path);
	(void)hex_encode(sum, len, dst);
	return 0;
}
