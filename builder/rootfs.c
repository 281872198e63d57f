#include "rootfs.h"

#include <fcntl.h>
#include <string.h>

#define HASH_FIRST 4096U
#define LINKS_MAX 40 /* as the kernel's limit */

int rootfs_init(struct rootfs *t, const char *spool_dir, struct err *err)
{
	struct rootfs_node **hash = calloc(HASH_FIRST, sizeof(*hash));
	int fd;

	if (!hash)
		return err_nomem(err);
	fd = neg_errno(open(spool_dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
	if (fd < 0) {
		free(hash);
		return err_errnof(err, fd, "cannot make a temporary file in '%s'", spool_dir);
	}
	*t = (struct rootfs){ .hash = hash, .hash_size = HASH_FIRST, .spool_fd = fd };
	return 0;
}

void rootfs_clear_xattrs(struct rootfs_node *n)
{
	for (size_t i = 0; i < n->xattrs_len; i++) {
		free(n->xattrs[i].name);
		free(n->xattrs[i].value);
	}
	free(n->xattrs);
	n->xattrs = NULL;
	n->xattrs_len = 0;
}

void rootfs_done(struct rootfs *t)
{
	for (size_t i = 0; i < t->len; i++) {
		rootfs_clear_xattrs(t->nodes[i]);
		free(t->nodes[i]->link);
		free(t->nodes[i]->path);
		free(t->nodes[i]);
	}
	free(t->nodes);
	if (t->hash)
		close_fdp(&t->spool_fd);
	free(t->hash);
	*t = (struct rootfs){ .spool_fd = -EBADF };
}

static uint64_t hash_text(const char *s)
{
	uint64_t h = UINT64_C(0xcbf29ce484222325); /* FNV-1a */

	for (; *s; s++)
		h = (h ^ (unsigned char)*s) * UINT64_C(0x100000001b3);
	return h;
}

static struct rootfs_node *lookup(const struct rootfs *t, const char *path)
{
	struct rootfs_node *n = t->hash[hash_text(path) & (t->hash_size - 1)];

	while (n && strcmp(n->path, path) != 0)
		n = n->next;
	return n;
}

struct rootfs_node *rootfs_find(const struct rootfs *t, const char *path)
{
	struct rootfs_node *n = lookup(t, path);

	return n && !n->gone ? n : NULL;
}

static int grow(struct rootfs *t)
{
	if (t->len == t->size) {
		size_t size = t->size ? 2 * t->size : HASH_FIRST;
		struct rootfs_node **nodes = realloc(t->nodes, size * sizeof(*nodes));

		if (!nodes)
			return -ENOMEM;
		t->nodes = nodes;
		t->size = size;
	}
	if (t->len >= t->hash_size) {
		size_t size = 4 * t->hash_size;
		struct rootfs_node **hash = calloc(size, sizeof(*hash));

		if (!hash)
			return -ENOMEM;
		for (size_t i = 0; i < t->len; i++) {
			struct rootfs_node **at = &hash[hash_text(t->nodes[i]->path) & (size - 1)];

			t->nodes[i]->next = *at;
			*at = t->nodes[i];
		}
		free(t->hash);
		t->hash = hash;
		t->hash_size = size;
	}
	return 0;
}

static void node_reset(struct rootfs_node *n)
{
	rootfs_clear_xattrs(n);
	free(n->link);
	*n = (struct rootfs_node){ .path = n->path, .next = n->next, .fd = -EBADF };
}

struct rootfs_node *rootfs_add(struct rootfs *t, const char *path)
{
	struct rootfs_node *n = lookup(t, path);
	struct rootfs_node **at;

	if (n) {
		if (n->gone)
			node_reset(n);
		return n;
	}
	if (grow(t) < 0)
		return NULL;
	n = calloc(1, sizeof(*n));
	if (!n)
		return NULL;
	n->path = strdup(path);
	if (!n->path) {
		free(n);
		return NULL;
	}
	n->fd = -EBADF;
	at = &t->hash[hash_text(path) & (t->hash_size - 1)];
	n->next = *at;
	*at = n;
	t->nodes[t->len++] = n;
	return n;
}

void rootfs_remove(struct rootfs_node *n)
{
	n->gone = true;
}

size_t rootfs_remove_below(struct rootfs *t, const char *path, bool itself)
{
	size_t len = strlen(path), count = 0;

	for (size_t i = 0; i < t->len; i++) {
		struct rootfs_node *n = t->nodes[i];
		bool below = strncmp(n->path, path, len) == 0 && n->path[len] == '/';

		if (n->gone || !(below || (itself && strcmp(n->path, path) == 0)))
			continue;
		rootfs_remove(n);
		count++;
	}
	return count;
}

/* One component onto dst, "." and ".." taken as the kernel would beneath a root. */
static int step(char *dst, const char *name, size_t len)
{
	size_t have = strlen(dst);

	if (len == 0 || (len == 1 && name[0] == '.'))
		return 0;
	if (len == 2 && name[0] == '.' && name[1] == '.') {
		char *slash = strrchr(dst, '/');

		*(slash ? slash : dst) = '\0';
		return 0;
	}
	if (have + len + 2 > ROOTFS_PATH_MAX)
		return -ENAMETOOLONG;
	if (have)
		dst[have++] = '/';
	memcpy(dst + have, name, len);
	dst[have + len] = '\0';
	return 0;
}

int rootfs_resolve(const struct rootfs *t, const char *path, char *dst, struct err *err)
{
	char rest[2 * ROOTFS_PATH_MAX], joined[2 * ROOTFS_PATH_MAX];
	unsigned int links = 0;
	int r = 0;

	if (strlen(path) >= ROOTFS_PATH_MAX)
		return err_setf(err, -ENAMETOOLONG, "path too long: '%.60s...'", path);
	(void)snprintf(rest, sizeof(rest), "%s", path);
	dst[0] = '\0';
	for (char *p = rest; *p;) {
		size_t len = strcspn(p, "/"), more = strspn(p + len, "/");
		const struct rootfs_node *n;

		r = step(dst, p, len);
		if (r < 0)
			return err_setf(err, r, "path too long: '%s'", path);
		p += len + more;
		n = *p ? rootfs_find(t, dst) : NULL; /* the last component stays as it is */
		if (!n || !S_ISLNK(n->mode))
			continue;
		if (++links > LINKS_MAX)
			return err_setf(err, -ELOOP, "too many links in '%s'", path);
		if (snprintf(joined, sizeof(joined), "%s/%s", n->link, p) >= (int)sizeof(joined))
			return err_setf(err, -ENAMETOOLONG, "path too long: '%s'", path);
		if (n->link[0] == '/')
			dst[0] = '\0';
		else
			(void)step(dst, "..", 2);
		memcpy(rest, joined, strlen(joined) + 1);
		p = rest + strspn(rest, "/");
	}
	return 0;
}

int rootfs_set_link(struct rootfs_node *n, const char *target, struct err *err)
{
	char *copy = strdup(target);

	if (!copy)
		return err_nomem(err);
	free(n->link);
	n->link = copy;
	n->mode = S_IFLNK | 0777;
	n->hard = 0;
	n->size_bytes = 0;
	return 0;
}

void rootfs_set_hardlink(struct rootfs *t, struct rootfs_node *n, struct rootfs_node *first)
{
	if (!first->hard)
		first->hard = ++t->hard_last;
	n->hard = first->hard;
	n->mode = first->mode;
	n->uid = first->uid;
	n->gid = first->gid;
	n->fd = first->fd;
	n->offset_bytes = first->offset_bytes;
	n->size_bytes = first->size_bytes;
}

int rootfs_put_dir(struct rootfs *t, const char *path, mode_t mode, struct err *err)
{
	char parent[ROOTFS_PATH_MAX];
	struct rootfs_node *n;

	for (const char *p = strchr(path, '/'); p; p = strchr(p + 1, '/')) {
		(void)snprintf(parent, sizeof(parent), "%.*s", (int)(p - path), path);
		if (rootfs_find(t, parent))
			continue;
		n = rootfs_add(t, parent);
		if (!n)
			return err_nomem(err);
		n->mode = S_IFDIR | 0755;
	}
	n = rootfs_add(t, path);
	if (!n)
		return err_nomem(err);
	n->mode = S_IFDIR | mode;
	return 0;
}

int rootfs_put_file(struct rootfs *t, const char *path, mode_t mode, const void *data, size_t len,
		    struct err *err)
{
	char parent[ROOTFS_PATH_MAX];
	const char *slash = strrchr(path, '/');
	struct rootfs_node *n;
	int r;

	if (slash) {
		(void)snprintf(parent, sizeof(parent), "%.*s", (int)(slash - path), path);
		if (!rootfs_find(t, parent)) {
			r = rootfs_put_dir(t, parent, 0755, err);
			if (r < 0)
				return r;
		}
	}
	n = rootfs_add(t, path);
	if (!n)
		return err_nomem(err);
	n->mode = S_IFREG | mode;
	n->uid = n->gid = 0;
	return rootfs_set_data(t, n, data, len, err);
}

int rootfs_set_xattr(struct rootfs_node *n, const char *name, const void *value, size_t len)
{
	struct rootfs_xattr *all = realloc(n->xattrs, (n->xattrs_len + 1) * sizeof(*all));
	struct rootfs_xattr *x;

	if (!all)
		return -ENOMEM;
	n->xattrs = all;
	x = &all[n->xattrs_len];
	x->name = strdup(name);
	x->value = malloc(len ? len : 1);
	if (!x->name || !x->value) {
		free(x->name);
		free(x->value);
		return -ENOMEM;
	}
	memcpy(x->value, value, len);
	x->len = len;
	n->xattrs_len++;
	return 0;
}

int rootfs_copy_meta(struct rootfs_node *to, const struct rootfs_node *from)
{
	int r = 0;

	to->mode = (to->mode & S_IFMT) | (from->mode & 07777);
	to->uid = from->uid;
	to->gid = from->gid;
	rootfs_clear_xattrs(to);
	for (size_t i = 0; i < from->xattrs_len && r >= 0; i++)
		r = rootfs_set_xattr(to, from->xattrs[i].name, from->xattrs[i].value,
				     from->xattrs[i].len);
	return r;
}

/* As bytes, but '/' before everything: a folder stands directly before what it holds. */
static int path_cmp(const void *a, const void *b)
{
	const unsigned char *p = (const unsigned char *)(*(struct rootfs_node *const *)a)->path;
	const unsigned char *q = (const unsigned char *)(*(struct rootfs_node *const *)b)->path;

	while (*p && *p == *q)
		p++, q++;
	if (*p == *q)
		return 0;
	if (!*p || !*q)
		return *p ? 1 : -1;
	if (*p == '/' || *q == '/')
		return *p == '/' ? -1 : 1;
	return *p < *q ? -1 : 1;
}

int rootfs_sorted(const struct rootfs *t, struct rootfs_node ***ret, size_t *ret_len)
{
	struct rootfs_node **all = malloc((t->len ? t->len : 1) * sizeof(*all));
	size_t len = 0;

	if (!all)
		return -ENOMEM;
	for (size_t i = 0; i < t->len; i++)
		if (!t->nodes[i]->gone)
			all[len++] = t->nodes[i];
	qsort(all, len, sizeof(*all), path_cmp);
	*ret = all;
	*ret_len = len;
	return 0;
}
