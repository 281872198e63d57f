#include "seed-pending.h"

#include "buf.h"
#include "file.h"
#include "path.h"
#include "seed-apply.h"
#include "seed-files.h"
#include "tree.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#define PENDING_MAX (8U << 20)

void seed_beside(char ret[static 256], const char *name, const char *what)
{
	(void)snprintf(ret, 256, ".%.*s.kiln-%s", SEED_NAME_MAX, name, what);
}

int seed_unlink_if_there(int dir_fd, const char *name, int flags, const char *path, struct err *err)
{
	if (unlinkat(dir_fd, name, flags) == 0 || errno == ENOENT)
		return 0;
	/* a folder that has got something in it stays */
	if (flags && (errno == ENOTEMPTY || errno == EEXIST || errno == ENOTDIR))
		return 0;
	return err_errnof(err, -errno, "cannot remove '%s' at '%s'", name, path);
}

static int clean_one(int root_fd, char kind, const char *path, struct err *err)
{
	const char *name = strrchr(path, '/') ? strrchr(path, '/') + 1 : "";
	cleanup_close int dir_fd = -EBADF;
	char tmp[256];
	int r;

	if (!path_is_clean(path) || strlen(name) > SEED_NAME_MAX)
		return 0; /* a damaged list: only what is surely ours goes */
	dir_fd = seed_open_folder_of(root_fd, path, err);
	if (dir_fd == -ENOENT)
		return 0;
	if (dir_fd < 0)
		return dir_fd;
	if (kind == 'd')
		return seed_unlink_if_there(dir_fd, name, AT_REMOVEDIR, path, err);
	seed_beside(tmp, name, "new");
	r = seed_unlink_if_there(dir_fd, tmp, 0, path, err);
	seed_beside(tmp, name, "was");
	return r < 0 ? r : seed_unlink_if_there(dir_fd, tmp, 0, path, err);
}

/* What a cut left of the state files' own replacements. Nothing else runs here beside us. */
static int clean_state_dir(int root_fd, struct err *err)
{
	cleanup_close int fd = seed_open_folder_of(root_fd, SEED_PENDING, err);
	cleanup_name_list struct name_list names = { 0 };
	int r;

	if (fd == -ENOENT)
		return 0;
	r = fd < 0 ? fd : tree_list_at(fd, ".", &names, err);
	for (size_t i = 0; i < names.len && r >= 0; i++)
		if (strncmp(names.items[i], ".seed.", 6) == 0 && file_is_temp(names.items[i]))
			r = seed_unlink_if_there(fd, names.items[i], 0, SEED_STATE_DIR, err);
	return r;
}

int seed_pending_clean(int root_fd, struct err *err)
{
	cleanup_free char *text = NULL;
	size_t len;
	int r;

	r = clean_state_dir(root_fd, err);
	if (r < 0)
		return r;
	r = seed_state_read(root_fd, SEED_PENDING, PENDING_MAX, &text, &len, err);
	if (r <= 0)
		return r;
	/* from the end: what is in a folder goes before the folder */
	while (len > 0) {
		char *end = text + len, *line;

		if (end[-1] == '\n')
			*--end = '\0';
		line = memrchr(text, '\n', (size_t)(end - text));
		line = line ? line + 1 : text;
		if ((line[0] == 'f' || line[0] == 'd') && line[1] == ' ') {
			r = clean_one(root_fd, line[0], line + 2, err);
			if (r < 0)
				return r;
		}
		len = (size_t)(line - text);
	}
	return seed_state_remove(root_fd, SEED_PENDING, err);
}

/* The folders that are not there yet, then the file. */
static int pend_one(int root_fd, const struct seed_member *m, struct buf *text, struct err *err)
{
	for (const char *p = strchrnul(m->path + 1, '/');; p = strchrnul(p + 1, '/')) {
		cleanup_free char *part = strndup(m->path, (size_t)(p - m->path));
		struct stat st;
		int r;

		if (!part)
			return err_nomem(err);
		if (!*p && m->type != SEED_DIR) {
			(void)buf_addf(text, "f %s\n", m->path);
			return 0;
		}
		r = seed_lstat(root_fd, part, &st, err);
		if (r < 0)
			return r;
		if (r == 0)
			(void)buf_addf(text, "d %s\n", part);
		if (!*p)
			return 0;
	}
}

int seed_pending_write(int root_fd, const struct seed_manifest *m, struct err *err)
{
	cleanup_buf struct buf text = BUF_INIT(PENDING_MAX);
	int r;

	for (size_t i = 0; i < m->len; i++) {
		r = pend_one(root_fd, &m->members[i], &text, err);
		if (r < 0)
			return r;
	}
	r = buf_error(&text);
	if (r < 0)
		return err_errnof(err, r, "cannot list the seed's files");
	return seed_state_write(root_fd, SEED_PENDING, buf_str(&text), text.len, err);
}
