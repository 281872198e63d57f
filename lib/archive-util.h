/*
 * archive-util - owning libarchive's objects, and its errors as ours
 *
 * err_archive() puts "context: <libarchive's own text>" into err and returns a
 * negative errno: libarchive's own number when it has one, else -EBADMSG.
 */
#pragma once

#include "err.h"

#include <archive.h>
#include <archive_entry.h>

static inline void archive_read_freep(struct archive **a)
{
	int saved = errno;

	(void)archive_read_free(*a);
	errno = saved;
}
static inline void archive_write_freep(struct archive **a)
{
	int saved = errno;

	if (*a)
		(void)archive_write_fail(
			*a); /* no trailer after a failure; no effect once closed */
	(void)archive_write_free(*a);
	errno = saved;
}
static inline void archive_entry_freep(struct archive_entry **e)
{
	archive_entry_free(*e);
}
#define cleanup_archive_read CLEANUP(archive_read_freep)
#define cleanup_archive_write CLEANUP(archive_write_freep)
/*
 * For a writer into a sink that is thrown away after a failure: ended as it is. libarchive 3.6
 * loses its block buffer after archive_write_fail(), as it does when the sink itself fails.
 */
static inline void archive_write_endp(struct archive **a)
{
	int saved = errno;

	(void)archive_write_free(*a);
	errno = saved;
}
#define cleanup_archive_sink CLEANUP(archive_write_endp)
#define cleanup_archive_entry CLEANUP(archive_entry_freep)

int err_archive(struct err *err, struct archive *a, const char *fmt, ...) PRINTF_LIKE(3, 4);
