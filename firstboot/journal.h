/*
 * journal - what the agent has begun and finished, safe against a power cut at any instant
 *
 * One text file, one record a line: "<crc32> <seconds> <step> <event> <detail>".
 * A record counts once its line is complete and its checksum right; reading stops
 * at the first that is not, and the tail is cut off before anything is added.
 * journal_add() returns after fsync. When the file passes JOURNAL_MAX it is
 * replaced (temp, fsync, rename) by the newest record of each (step, event, detail); of
 * "wait" and "failed" by the newest of each step, whatever its reason.
 * Names have no blanks; a detail is UTF-8 without control characters.
 * Ownership: a journal owns its records and its descriptors.
 */
#pragma once

#include "err.h"

#include <stdbool.h>
#include <stdint.h>

#define JOURNAL_MAX ((size_t)256 << 10)

struct journal;

struct journal_record {
	int64_t time_s;		     /* CLOCK_REALTIME when it was added */
	char *step, *event, *detail; /* owned by the journal */
};

/* dir_fd is borrowed for the call; name is created when missing. */
int journal_open(int dir_fd, const char *name, struct journal **ret, struct err *err) MUST_CHECK;
void journal_free(struct journal *j);
static inline void journal_freep(struct journal **j)
{
	journal_free(*j);
}
#define cleanup_journal CLEANUP(journal_freep)

/*
 * What is there now, beside a process that may be in the middle of a record: nothing is
 * repaired, nothing made (a missing file is empty); what is added or cleared is so in this
 * process alone.
 */
int journal_open_reading(int dir_fd, const char *name, struct journal **ret,
			 struct err *err) MUST_CHECK;
int journal_add(struct journal *j, const char *step, const char *event, const char *detail,
		struct err *err) MUST_CHECK;
/*
 * The same, but on disk only with the next journal_add() or journal_sync(): for what may be
 * forgotten by a power cut because it can be found out again. The order is kept.
 */
int journal_note(struct journal *j, const char *step, const char *event, const char *detail,
		 struct err *err) MUST_CHECK;
int journal_sync(struct journal *j, struct err *err) MUST_CHECK;
/* Forget every record; the empty file takes the place of the old one at once. */
int journal_clear(struct journal *j, struct err *err) MUST_CHECK;
/* The newest record of a step and event; detail NULL: any. NULL: none. Borrowed until the next add.
 */
const struct journal_record *journal_last(const struct journal *j, const char *step,
					  const char *event, const char *detail);
size_t journal_len(const struct journal *j);
const struct journal_record *journal_at(const struct journal *j, size_t i);
/* For tests: kill -9 ourselves when the @n-th record from now stands (0: never). */
void journal_kill_after(struct journal *j, uint64_t n);
/* Bytes that were cut off the end when it was opened: 0 after a clean stop. */
size_t journal_cut(const struct journal *j);
