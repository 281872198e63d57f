#include "seed-files.h"

#include "buf.h"
#include "file.h"
#include "path.h"
#include "seed-apply.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#define FILES_MAX (16U << 20)
#define STATE_DIR_MODE 0755
#define HEX_LEN (SHA256_HEX_MAX - 1)

static int file_cmp(const void *a, const void *b)
{
	return strcmp(((const struct seed_file *)a)->path, ((const struct seed_file *)b)->path);
}

void seed_files_done(struct seed_files *f)
{
	free(f->items);
	free(f->text);
	*f = (struct seed_files){ 0 };
}

const char *seed_files_find(const struct seed_files *f, const char *path)
{
	struct seed_file key = { .path = path };
	const struct seed_file *found =
		f->len ? bsearch(&key, f->items, f->len, sizeof(key), file_cmp) : NULL;

	return found ? found->sha256 : NULL;
}

static size_t count_lines(const char *text)
{
	size_t n = 1;

	for (; *text; text++)
		n += *text == '\n';
	return n;
}

int seed_files_read(int root_fd, struct seed_files *ret, struct err *err)
{
	struct seed_files f = { 0 };
	char *save = NULL;
	size_t len;
	int r;

	r = seed_state_read(root_fd, SEED_FILES, FILES_MAX, &f.text, &len, err);
	if (r < 0)
		return r;
	if (r == 0) {
		*ret = f;
		return 0;
	}
	f.items = calloc(count_lines(f.text), sizeof(*f.items));
	if (!f.items) {
		seed_files_done(&f);
		return err_nomem(err);
	}
	for (char *line = strtok_r(f.text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		struct seed_file *item = &f.items[f.len];

		if (strspn(line, "0123456789abcdef") != HEX_LEN || line[HEX_LEN] != ' ' ||
		    !path_is_clean(line + HEX_LEN + 1))
			continue;
		memcpy(item->sha256, line, HEX_LEN);
		item->path = line + HEX_LEN + 1;
		f.len++;
	}
	if (f.len > 1)
		qsort(f.items, f.len, sizeof(*f.items), file_cmp);
	*ret = f;
	return 0;
}

int seed_files_write(int root_fd, const struct seed_manifest *m, struct err *err)
{
	cleanup_buf struct buf text = BUF_INIT(FILES_MAX);

	for (size_t i = 0; i < m->len; i++)
		if (m->members[i].type != SEED_DIR)
			(void)buf_addf(&text, "%s %s\n", m->members[i].sha256, m->members[i].path);
	if (buf_error(&text) < 0)
		return err_errnof(err, buf_error(&text), "cannot list the seed's files");
	return seed_state_write(root_fd, SEED_FILES, buf_str(&text), text.len, err);
}

/* -ENOENT leaves err alone: often it is no failure. */
static int open_if_there(int root_fd, const char *path, int flags, struct err *err)
{
	struct err own = { 0 };
	int fd = path_open(root_fd, path, flags, 0, &own);

	if (fd < 0 && fd != -ENOENT)
		*err = own;
	return fd;
}

int seed_open_folder_of(int root_fd, const char *path, struct err *err)
{
	const char *name = strrchr(path, '/');
	cleanup_free char *parent =
		name > path ? strndup(path, (size_t)(name - path)) : strdup("/");
	int fd;

	if (!parent)
		return err_nomem(err);
	fd = open_if_there(root_fd, parent, O_RDONLY | O_DIRECTORY, err);
	if (fd == -ENOTDIR)
		err_clear(err);
	return fd == -ENOTDIR ? -ENOENT : fd;
}

int seed_state_read(int root_fd, const char *path, size_t max, char **ret, size_t *ret_len,
		    struct err *err)
{
	cleanup_close int fd = open_if_there(root_fd, path, O_RDONLY, err);
	int r;

	if (fd == -ENOENT)
		return 0;
	r = fd < 0 ? fd : file_read_fd(fd, path, max, ret, ret_len, err);
	return r < 0 ? r : 1;
}

int seed_lstat(int root_fd, const char *path, struct stat *ret, struct err *err)
{
	cleanup_close int fd = open_if_there(root_fd, path, O_PATH | O_NOFOLLOW, err);

	if (fd == -ENOENT)
		return 0;
	if (fd < 0)
		return fd;
	if (fstat(fd, ret) < 0)
		return err_errnof(err, -errno, "cannot look at '%s'", path);
	return 1;
}

int seed_digest_at(int dir_fd, const char *name, char ret[SHA256_HEX_MAX], struct err *err)
{
	char target[SEED_PATH_MAX * 4 + 1];
	struct stat st;
	ssize_t n;

	if (fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : err_errnof(err, -errno, "cannot look at '%s'", name);
	if (S_ISLNK(st.st_mode)) {
		n = readlinkat(dir_fd, name, target, sizeof(target));
		if (n < 0)
			return err_errnof(err, -errno, "cannot read the link '%s'", name);
		(void)sha256_mem_hex(target, (size_t)n, ret);
		return 1;
	}
	if (!S_ISREG(st.st_mode))
		return 0;
	int r = sha256_file_at(dir_fd, name, ret, err);

	return r < 0 ? r : 1;
}

int seed_state_write(int root_fd, const char *path, const char *data, size_t len, struct err *err)
{
	const char *name;
	cleanup_close int fd = path_open_parent(root_fd, path, STATE_DIR_MODE, &name, err);

	return fd < 0 ? fd : file_replace_at(fd, name, data, len, 0600, err);
}

int seed_state_remove(int root_fd, const char *path, struct err *err)
{
	const char *name;
	cleanup_close int fd = path_open_parent(root_fd, path, STATE_DIR_MODE, &name, err);

	if (fd < 0)
		return fd;
	if (unlinkat(fd, name, 0) < 0 && errno != ENOENT)
		return err_errnof(err, -errno, "cannot remove '%s'", path);
	if (fsync(fd) < 0)
		return err_errnof(err, -errno, "cannot sync the folder of '%s'", path);
	return 0;
}
