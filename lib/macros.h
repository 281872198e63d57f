/*
 * macros - the few things every file uses: cleanup attributes, ownership, checks
 *
 * cleanup_*: the variable is released when it goes out of scope; errno is kept.
 * TAKE_PTR/TAKE_FD: hand ownership on and leave NULL / -EBADF behind.
 * neg_errno(x): x when it is not negative, else -errno (never 0).
 */
#pragma once

#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define MUST_CHECK __attribute__((warn_unused_result))
#define PRINTF_LIKE(fmt, args) __attribute__((format(printf, fmt, args)))
#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define CLEANUP(fn) __attribute__((cleanup(fn)))

#define TAKE_PTR(p)                                                                                \
	({                                                                                         \
		__typeof__(p) t_ = (p);                                                            \
		(p) = NULL;                                                                        \
		t_;                                                                                \
	})
#define TAKE_FD(fd)                                                                                \
	({                                                                                         \
		int t_ = (fd);                                                                     \
		(fd) = -EBADF;                                                                     \
		t_;                                                                                \
	})
#define neg_errno(x)                                                                               \
	({                                                                                         \
		__typeof__(x) x_ = (x);                                                            \
		x_ < 0 ? (__typeof__(x))-(errno ? errno : EIO) : x_;                               \
	})

static inline void free_charp(char **p)
{
	free(*p);
}
static inline void close_fdp(int *fd)
{
	int saved = errno;

	if (*fd >= 0)
		(void)close(*fd);
	errno = saved;
}
static inline void fclose_filep(FILE **f)
{
	int saved = errno;

	if (*f)
		(void)fclose(*f);
	errno = saved;
}
static inline void free_voidp(void *p)
{
	free(*(void **)p);
}

#define cleanup_free CLEANUP(free_voidp)
#define cleanup_close CLEANUP(close_fdp)
#define cleanup_fclose CLEANUP(fclose_filep)
