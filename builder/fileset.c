#include "fileset.h"

#include "file.h"
#include "path.h"
#include "tree.h"

#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <string.h>

#define FILE_MAX ((size_t)16 << 20) /* of one file in an overlay */

static void entry_done(struct fileset_entry *e)
{
	if (e->data && e->flags & FILESET_SECRET)
		explicit_bzero(e->data, e->len);
	free(e->data);
	free(e->path);
}

void fileset_done(struct fileset *fs)
{
	for (size_t i = 0; i < fs->len; i++)
		entry_done(&fs->items[i]);
	free(fs->items);
	*fs = (struct fileset){ 0 };
}

/* Where @path is, or would be. */
static size_t position(const struct fileset *fs, const char *path, bool *ret_found)
{
	size_t low = 0, high = fs->len;

	while (low < high) {
		size_t mid = low + (high - low) / 2;
		int c = strcmp(fs->items[mid].path, path);

		if (c == 0) {
			*ret_found = true;
			return mid;
		}
		if (c < 0)
			low = mid + 1;
		else
			high = mid;
	}
	*ret_found = false;
	return low;
}

const struct fileset_entry *fileset_find(const struct fileset *fs, const char *path)
{
	bool found;
	size_t at = position(fs, path, &found);

	return found ? &fs->items[at] : NULL;
}

static int grow(struct fileset *fs)
{
	size_t size = fs->size ? fs->size * 2 : 32;
	struct fileset_entry *bigger;

	if (fs->len < fs->size)
		return 0;
	bigger = reallocarray(fs->items, size, sizeof(*bigger));
	if (!bigger)
		return -ENOMEM;
	fs->items = bigger;
	fs->size = size;
	return 0;
}

int fileset_add(struct fileset *fs, const struct fileset_entry *e, struct err *err)
{
	struct fileset_entry copy = *e;
	bool found;
	size_t at;

	if (!path_is_clean(e->path))
		return err_setf(err, -EINVAL, "'%s' is not a plain absolute path", e->path);
	at = position(fs, e->path, &found);
	if (found)
		return err_setf(err, -EEXIST, "'%s' is there twice", e->path);
	if (grow(fs) < 0)
		return err_nomem(err);
	copy.path = strdup(e->path);
	copy.data = malloc(e->len + 1);
	if (!copy.path || !copy.data) {
		free(copy.path);
		free(copy.data);
		return err_nomem(err);
	}
	if (e->len)
		memcpy(copy.data, e->data, e->len);
	copy.data[e->len] = '\0';
	memmove(fs->items + at + 1, fs->items + at, (fs->len - at) * sizeof(*fs->items));
	fs->items[at] = copy;
	fs->len++;
	return 0;
}

int fileset_addf(struct fileset *fs, const char *path, mode_t mode, unsigned int flags,
		 struct err *err, const char *fmt, ...)
{
	struct fileset_entry e = {
		.path = (char *)(uintptr_t)path, .type = FILESET_FILE, .mode = mode, .flags = flags
	};
	va_list ap;
	int n, r;

	va_start(ap, fmt);
	n = vasprintf(&e.data, fmt, ap);
	va_end(ap);
	if (n < 0)
		return err_nomem(err);
	e.len = (size_t)n;
	r = fileset_add(fs, &e, err);
	if (flags & FILESET_SECRET)
		explicit_bzero(e.data, e.len);
	free(e.data);
	return r;
}

static int read_link(const struct tree_entry *t, struct fileset_entry *e)
{
	char target[PATH_MAX];
	ssize_t n = readlinkat(t->dir_fd, t->name, target, sizeof(target) - 1);

	if (n < 0)
		return -errno;
	target[n] = '\0';
	e->data = strdup(target);
	e->len = (size_t)n;
	return e->data ? 0 : -ENOMEM;
}

static int add_one(void *arg, const struct tree_entry *t, struct err *err)
{
	cleanup_free char *path = NULL, *data = NULL;
	struct fileset_entry e = { .mode = t->st->st_mode & 07777 };
	int r = 0;

	if (asprintf(&path, "/%s", t->path) < 0) {
		path = NULL;
		return err_nomem(err);
	}
	e.path = path;
	if (S_ISDIR(t->st->st_mode)) {
		e.type = FILESET_DIR;
	} else if (S_ISLNK(t->st->st_mode)) {
		e.type = FILESET_SYMLINK;
		e.mode = 0777;
		r = read_link(t, &e);
		if (r < 0)
			err_errnof(err, r, "cannot read the link '%s'", t->path);
	} else if (S_ISREG(t->st->st_mode)) {
		e.type = FILESET_FILE;
		r = file_read_at(t->dir_fd, t->name, FILE_MAX, &e.data, &e.len, err);
	} else {
		r = err_setf(err, -EINVAL, "'%s' is neither file, folder nor symlink", t->path);
	}
	if (r < 0)
		return r;
	data = e.data;
	/* two overlays may bring the same folder */
	if (e.type == FILESET_DIR) {
		const struct fileset_entry *there = fileset_find(arg, path);

		if (there && there->type == FILESET_DIR)
			return 0;
	}
	return fileset_add(arg, &e, err);
}

int fileset_add_tree(struct fileset *fs, const char *dir, struct err *err)
{
	int r = tree_walk_at(AT_FDCWD, dir, add_one, fs, err);

	return r < 0 ? err_wrapf(err, r, "overlay '%s'", dir) : 0;
}
