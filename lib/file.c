#include "file.h"

#include <fcntl.h>
#include <fnmatch.h>
#include <limits.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/stat.h>

#define TEMP_END ".tmp"
#define TEMP_TRIES 100

ssize_t read_upto(int fd, void *data, size_t len)
{
	size_t done = 0;

	while (done < len) {
		ssize_t n = read(fd, (char *)data + done, len - done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		done += (size_t)n;
	}
	return (ssize_t)done;
}

ssize_t pread_upto(int fd, void *data, size_t len, uint64_t offset_bytes)
{
	size_t done = 0;

	while (done < len) {
		ssize_t n =
			pread(fd, (char *)data + done, len - done, (off_t)(offset_bytes + done));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		done += (size_t)n;
	}
	return (ssize_t)done;
}

int write_all(int fd, const void *data, size_t len)
{
	const char *p = data;

	while (len > 0) {
		ssize_t n = write(fd, p, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			return -EIO; /* no progress and no reason: never loop on it */
		p += n;
		len -= (size_t)n;
	}
	return 0;
}

int pwrite_all(int fd, const void *data, size_t len, uint64_t offset_bytes)
{
	const char *p = data;

	while (len > 0) {
		ssize_t n = pwrite(fd, p, len, (off_t)offset_bytes);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			return -EIO;
		p += n;
		len -= (size_t)n;
		offset_bytes += (size_t)n;
	}
	return 0;
}

/* Files of /proc and pipes say size 0: grow until the end comes. */
int file_read_fd(int fd, const char *name, size_t max, char **ret, size_t *ret_len, struct err *err)
{
	cleanup_free char *data = NULL;
	size_t len = 0, size;
	struct stat st;

	if (fstat(fd, &st) < 0)
		return err_errnof(err, -errno, "cannot read '%s'", name);
	size = S_ISREG(st.st_mode) && st.st_size > 0 ? (size_t)st.st_size : 4096;
	for (;;) {
		char *bigger;
		ssize_t n;

		if (size > max)
			size = max;
		bigger = realloc(data, size + 2); /* one to see the end, one for the NUL */
		if (!bigger)
			return err_nomem(err);
		data = bigger;
		n = read_upto(fd, data + len, size + 1 - len);
		if (n < 0)
			return err_errnof(err, (int)n, "cannot read '%s'", name);
		len += (size_t)n;
		if (len <= size)
			break;
		if (size == max)
			return err_setf(err, -EFBIG, "'%s' is larger than %zu bytes", name, max);
		size = size > max / 2 ? max : size * 2;
	}
	data[len] = '\0';
	*ret = TAKE_PTR(data);
	if (ret_len)
		*ret_len = len;
	return 0;
}

int file_read_at(int dir_fd, const char *name, size_t max, char **ret, size_t *ret_len,
		 struct err *err)
{
	/* O_NONBLOCK: a FIFO of that name must not hang us. */
	cleanup_close int fd =
		neg_errno(openat(dir_fd, name, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));

	if (fd < 0)
		return err_errnof(err, fd, "cannot open '%s'", name);
	return file_read_fd(fd, name, max, ret, ret_len, err);
}

/* The directory of @name, opened for syncing. */
static int open_dir_of(int dir_fd, const char *name)
{
	const char *slash = strrchr(name, '/');
	char dir[PATH_MAX];

	if (slash && (size_t)(slash - name) >= sizeof(dir))
		return -ENAMETOOLONG;
	if (!slash)
		(void)snprintf(dir, sizeof(dir), ".");
	else if (slash == name)
		(void)snprintf(dir, sizeof(dir), "/");
	else
		(void)snprintf(dir, sizeof(dir), "%.*s", (int)(slash - name), name);
	return neg_errno(openat(dir_fd, dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
}

void file_sync_begin(int fd)
{
	(void)sync_file_range(fd, 0, 0, SYNC_FILE_RANGE_WRITE);
}

int file_sync_dir_at(int dir_fd, const char *name, struct err *err)
{
	cleanup_close int fd = open_dir_of(dir_fd, name);
	int r = fd;

	if (r >= 0)
		r = neg_errno(fsync(fd));
	if (r < 0)
		return err_errnof(err, r, "cannot sync the folder of '%s'", name);
	return 0;
}

static const char *last_part(const char *name)
{
	const char *slash = strrchr(name, '/');

	return slash ? slash + 1 : name;
}

/* A name that no other writer, in this process or another, uses at the same time. */
static int temp_name(const char *base, char *dst, size_t size)
{
	static atomic_uint counter;
	int n = snprintf(dst, size, ".%s.%ld-%u" TEMP_END, base, (long)getpid(),
			 atomic_fetch_add(&counter, 1));

	return n < 0 || (size_t)n >= size ? -ENAMETOOLONG : 0;
}

bool file_is_temp(const char *name)
{
	return fnmatch(".?*.[0-9]*-[0-9]*" TEMP_END, name, FNM_PERIOD) == 0;
}

/* Who died in the midst may have had our number, as after every start of a machine. */
static int open_temp(int dir_fd, const char *base, char *tmp, size_t size)
{
	int r = 0;

	for (int i = 0; i < TEMP_TRIES; i++) {
		r = temp_name(base, tmp, size);
		if (r >= 0)
			r = neg_errno(openat(dir_fd, tmp,
					     O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
					     0600));
		if (r != -EEXIST)
			break;
	}
	return r;
}

static int write_temp(int dir_fd, const char *base, char *tmp, size_t size, const void *data,
		      size_t len, mode_t mode)
{
	cleanup_close int fd = open_temp(dir_fd, base, tmp, size);
	int r;

	if (fd < 0)
		return fd;
	r = write_all(fd, data, len);
	if (r >= 0)
		r = neg_errno(fchmod(fd, mode));
	if (r >= 0)
		r = neg_errno(fsync(fd)); /* the contents, before they get a name */
	if (r < 0)
		(void)unlinkat(dir_fd, tmp, 0);
	return r;
}

static int put_file(int at_fd, const char *name, const void *data, size_t len, mode_t mode,
		    bool replace, struct err *err)
{
	const char *verb = replace ? "replace" : "create", *base = last_part(name);
	cleanup_close int dir_fd = open_dir_of(at_fd, name);
	char tmp[NAME_MAX + 1];
	int r;

	if (dir_fd < 0)
		return err_errnof(err, dir_fd, "cannot %s '%s': its folder", verb, name);
	r = write_temp(dir_fd, base, tmp, sizeof(tmp), data, len, mode);
	if (r < 0)
		return err_errnof(err, r, "cannot %s '%s'", verb, name);
	if (replace) {
		r = neg_errno(renameat(dir_fd, tmp, dir_fd, base));
	} else {
		r = neg_errno(renameat2(dir_fd, tmp, dir_fd, base, RENAME_NOREPLACE));
		if (r == -EINVAL) { /* this filesystem knows no RENAME_NOREPLACE */
			r = neg_errno(linkat(dir_fd, tmp, dir_fd, base, 0));
			if (r >= 0)
				(void)unlinkat(dir_fd, tmp, 0);
		}
	}
	if (r < 0) {
		(void)unlinkat(dir_fd, tmp, 0);
		return err_errnof(err, r, "cannot %s '%s'", verb, name);
	}
	r = neg_errno(fsync(dir_fd)); /* the name itself */
	if (r < 0)
		return err_errnof(err, r, "%sd '%s' but could not sync its folder", verb, name);
	return 0;
}

int file_replace_at(int dir_fd, const char *name, const void *data, size_t len, mode_t mode,
		    struct err *err)
{
	return put_file(dir_fd, name, data, len, mode, true, err);
}

int file_create_at(int dir_fd, const char *name, const void *data, size_t len, mode_t mode,
		   struct err *err)
{
	return put_file(dir_fd, name, data, len, mode, false, err);
}

int file_exists_at(int dir_fd, const char *name, bool *ret, struct err *err)
{
	struct stat st;
	int r = neg_errno(fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW));

	if (r < 0 && r != -ENOENT && r != -ENOTDIR)
		return err_errnof(err, r, "cannot look for '%s'", name);
	*ret = r >= 0;
	return 0;
}
