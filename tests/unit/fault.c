/* The wrapped functions: -Wl,--wrap=X sends calls of X to __wrap_X, and __real_X to X. */
#include "fault.h"

#include "macros.h"
#include "test.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdarg.h>
#include <sys/stat.h>
#include <sys/types.h>

#define EACH_CALL 1000 /* behind these every seventh: only foreign libraries have so many */

static bool armed, failed;
static long left;

void fault_arm(long n)
{
	left = n;
	failed = false;
	armed = true;
}

bool fault_disarm(void)
{
	armed = false;
	return failed;
}

void fault_must_fail(void *arg, const struct fault_result *result)
{
	(void)arg;
	if (result->failed && result->r != -EIO && result->r != -ENOMEM)
		test_fail(__FILE__, __LINE__, "a failed call gives %d: %s", result->r,
			  result->err->msg);
}

long fault_loop(int (*run)(void *arg, struct err *err),
		void (*look)(void *arg, const struct fault_result *result), void *arg)
{
	for (long n = 0; n < 100000; n += n < EACH_CALL ? 1 : 7) {
		struct err err = { 0 };
		struct fault_result result = { .err = &err };

		fault_arm(n);
		result.r = run(arg, &err);
		result.failed = fault_disarm();
		if (!result.failed && result.r < 0)
			test_fail(__FILE__, __LINE__, "fails without a fault: %s", err.msg);
		if (result.r < 0 && !err.msg[0])
			test_fail(__FILE__, __LINE__, "call %ld failed: %d without a text", n,
				  result.r);
		if (look)
			look(arg, &result);
		if (!result.failed)
			return n;
	}
	test_fail(__FILE__, __LINE__, "no end of calls");
}

static bool fails(int why)
{
	if (!armed || left-- > 0)
		return false;
	armed = false; /* one fault a run */
	failed = true;
	errno = why;
	return true;
}

#define WRAP(type, name, bad, why, params, args)                                                   \
	type __real_##name params;                                                                 \
	type __wrap_##name params;                                                                 \
	type __wrap_##name params                                                                  \
	{                                                                                          \
		if (fails(why))                                                                    \
			return bad;                                                                \
		return __real_##name args;                                                         \
	}

/* open and kin: the mode is read as they do, only where one may be */
#define WRAP_OPEN(name)                                                                            \
	int __real_##name(const char *path, int flags, ...);                                       \
	int __wrap_##name(const char *path, int flags, ...);                                       \
	int __wrap_##name(const char *path, int flags, ...)                                        \
	{                                                                                          \
		mode_t mode = 0;                                                                   \
		if (flags & (O_CREAT | __O_TMPFILE)) {                                             \
			va_list ap;                                                                \
			va_start(ap, flags);                                                       \
			mode = va_arg(ap, mode_t);                                                 \
			va_end(ap);                                                                \
		}                                                                                  \
		return fails(EIO) ? -1 : __real_##name(path, flags, mode);                         \
	}
#define WRAP_OPENAT(name)                                                                          \
	int __real_##name(int fd, const char *path, int flags, ...);                               \
	int __wrap_##name(int fd, const char *path, int flags, ...);                               \
	int __wrap_##name(int fd, const char *path, int flags, ...)                                \
	{                                                                                          \
		mode_t mode = 0;                                                                   \
		if (flags & (O_CREAT | __O_TMPFILE)) {                                             \
			va_list ap;                                                                \
			va_start(ap, flags);                                                       \
			mode = va_arg(ap, mode_t);                                                 \
			va_end(ap);                                                                \
		}                                                                                  \
		return fails(EIO) ? -1 : __real_##name(fd, path, flags, mode);                     \
	}
WRAP_OPEN(open)
WRAP_OPEN(open64)
WRAP_OPENAT(openat)
WRAP_OPENAT(openat64)
WRAP(int, __open_2, -1, EIO, (const char *path, int flags), (path, flags))
WRAP(int, __open64_2, -1, EIO, (const char *path, int flags), (path, flags))
WRAP(int, __openat_2, -1, EIO, (int fd, const char *path, int flags), (fd, path, flags))
WRAP(int, __openat64_2, -1, EIO, (int fd, const char *path, int flags), (fd, path, flags))

WRAP(ssize_t, read, -1, EIO, (int fd, void *p, size_t n), (fd, p, n))
WRAP(ssize_t, __read_chk, -1, EIO, (int fd, void *p, size_t n, size_t size), (fd, p, n, size))
WRAP(ssize_t, pread, -1, EIO, (int fd, void *p, size_t n, off_t at), (fd, p, n, at))
WRAP(ssize_t, pread64, -1, EIO, (int fd, void *p, size_t n, off_t at), (fd, p, n, at))
WRAP(ssize_t, __pread_chk, -1, EIO, (int fd, void *p, size_t n, off_t at, size_t size),
     (fd, p, n, at, size))
WRAP(ssize_t, __pread64_chk, -1, EIO, (int fd, void *p, size_t n, off_t at, size_t size),
     (fd, p, n, at, size))
WRAP(ssize_t, write, -1, EIO, (int fd, const void *p, size_t n), (fd, p, n))
WRAP(ssize_t, pwrite, -1, EIO, (int fd, const void *p, size_t n, off_t at), (fd, p, n, at))
WRAP(ssize_t, pwrite64, -1, EIO, (int fd, const void *p, size_t n, off_t at), (fd, p, n, at))
WRAP(int, fchmod, -1, EIO, (int fd, mode_t mode), (fd, mode))
WRAP(int, fsync, -1, EIO, (int fd), (fd))
WRAP(int, rename, -1, EIO, (const char *a, const char *b), (a, b))
WRAP(int, renameat, -1, EIO, (int x, const char *a, int y, const char *b), (x, a, y, b))
WRAP(int, renameat2, -1, EIO, (int x, const char *a, int y, const char *b, unsigned int f),
     (x, a, y, b, f))
WRAP(int, linkat, -1, EIO, (int x, const char *a, int y, const char *b, int f), (x, a, y, b, f))
WRAP(int, mkdirat, -1, EIO, (int fd, const char *path, mode_t mode), (fd, path, mode))
WRAP(int, ftruncate, -1, EIO, (int fd, off_t n), (fd, n))
WRAP(int, ftruncate64, -1, EIO, (int fd, off_t n), (fd, n))
WRAP(off_t, lseek, -1, EIO, (int fd, off_t at, int from), (fd, at, from))
WRAP(off_t, lseek64, -1, EIO, (int fd, off_t at, int from), (fd, at, from))
WRAP(ssize_t, copy_file_range, -1, EIO,
     (int a, off_t *x, int b, off_t *y, size_t n, unsigned int f), (a, x, b, y, n, f))
WRAP(int, fstat, -1, EIO, (int fd, struct stat *st), (fd, st))
WRAP(int, fstat64, -1, EIO, (int fd, struct stat *st), (fd, st))
WRAP(int, fstatat, -1, EIO, (int fd, const char *path, struct stat *st, int f), (fd, path, st, f))
WRAP(int, fstatat64, -1, EIO, (int fd, const char *path, struct stat *st, int f), (fd, path, st, f))
WRAP(DIR *, fdopendir, NULL, EIO, (int fd), (fd))
WRAP(struct dirent *, readdir, NULL, EIO, (DIR * d), (d))
WRAP(struct dirent *, readdir64, NULL, EIO, (DIR * d), (d))
WRAP(ssize_t, readlinkat, -1, EIO, (int fd, const char *path, char *p, size_t n), (fd, path, p, n))
WRAP(ssize_t, __readlinkat_chk, -1, EIO, (int fd, const char *path, char *p, size_t n, size_t size),
     (fd, path, p, n, size))
WRAP(int, mkostemp, -1, EIO, (char *t, int f), (t, f))
WRAP(int, mkostemp64, -1, EIO, (char *t, int f), (t, f))
WRAP(char *, mkdtemp, NULL, EIO, (char *t), (t))
WRAP(char *, getcwd, NULL, EIO, (char *p, size_t n), (p, n))
WRAP(char *, __getcwd_chk, NULL, EIO, (char *p, size_t n, size_t size), (p, n, size))
WRAP(int, flock, -1, EIO, (int fd, int how), (fd, how))
WRAP(ssize_t, getrandom, -1, EIO, (void *p, size_t n, unsigned int f), (p, n, f))
WRAP(int, pipe2, -1, EIO, (int *fds, int f), (fds, f))
WRAP(pid_t, fork, -1, EIO, (void), ())
WRAP(int, pidfd_open, -1, EIO, (pid_t pid, unsigned int f), (pid, f))

long __real_syscall(long nr, ...);
long __wrap_syscall(long nr, ...);
long __wrap_syscall(long nr, ...)
{
	long a[6];
	va_list ap;

	va_start(ap, nr);
	for (int i = 0; i < 6; i++)
		a[i] = va_arg(ap, long);
	va_end(ap);
	return fails(EIO) ? -1 : __real_syscall(nr, a[0], a[1], a[2], a[3], a[4], a[5]);
}

WRAP(void *, malloc, NULL, ENOMEM, (size_t n), (n))
WRAP(void *, calloc, NULL, ENOMEM, (size_t n, size_t size), (n, size))
WRAP(void *, realloc, NULL, ENOMEM, (void *p, size_t n), (p, n))
WRAP(void *, reallocarray, NULL, ENOMEM, (void *p, size_t n, size_t size), (p, n, size))
WRAP(char *, strdup, NULL, ENOMEM, (const char *s), (s))
WRAP(char *, strndup, NULL, ENOMEM, (const char *s, size_t n), (s, n))
WRAP(int, vasprintf, -1, ENOMEM, (char **ret, const char *fmt, va_list ap), (ret, fmt, ap))
WRAP(int, __vasprintf_chk, -1, ENOMEM, (char **ret, int f, const char *fmt, va_list ap),
     (ret, f, fmt, ap))

int __wrap_asprintf(char **ret, const char *fmt, ...) PRINTF_LIKE(2, 3);
int __wrap_asprintf(char **ret, const char *fmt, ...)
{
	va_list ap;
	int n = -1;

	va_start(ap, fmt);
	if (!fails(ENOMEM))
		n = __real_vasprintf(ret, fmt, ap);
	va_end(ap);
	return n;
}
int __wrap___asprintf_chk(char **ret, int flag, const char *fmt, ...) PRINTF_LIKE(3, 4);
int __wrap___asprintf_chk(char **ret, int flag, const char *fmt, ...)
{
	va_list ap;
	int n = -1;

	(void)flag;
	va_start(ap, fmt);
	if (!fails(ENOMEM))
		n = __real_vasprintf(ret, fmt, ap);
	va_end(ap);
	return n;
}
