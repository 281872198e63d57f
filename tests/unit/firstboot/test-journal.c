#include "journal.h"
#include "fault.h"
#include "test.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static struct journal *open_or_die(void)
{
	struct err err = { 0 };
	struct journal *j = NULL;

	ASSERT_OK(journal_open(AT_FDCWD, "journal", &j, &err), &err);
	return j;
}

static void add(struct journal *j, const char *step, const char *event, const char *detail)
{
	struct err err = { 0 };

	ASSERT_OK(journal_add(j, step, event, detail, &err), &err);
}

static off_t size_of(const char *name)
{
	struct stat st;

	ASSERT_EQ(stat(name, &st), 0);
	return st.st_size;
}

TEST(journal_reads_back_what_was_added)
{
	struct journal *j = open_or_die();

	add(j, "clock", "begin", "");
	add(j, "disk", "wipe", "S6PT:0");
	add(j, "disk", "wait", "a line\nwith a break");
	journal_free(j);

	j = open_or_die();
	ASSERT_EQ(journal_len(j), 3);
	ASSERT_EQ(journal_cut(j), 0);
	ASSERT_STR(journal_at(j, 0)->step, "clock");
	ASSERT_STR(journal_at(j, 0)->detail, "");
	ASSERT_STR(journal_last(j, "disk", "wipe", "S6PT:0")->event, "wipe");
	ASSERT_STR(journal_last(j, "disk", "wait", NULL)->detail, "a line with a break");
	ASSERT(journal_last(j, "disk", "done", NULL) == NULL);
	journal_free(j);
}

static void put(const char *text, size_t len)
{
	FILE *f = fopen("journal", "we");

	ASSERT_EQ(fwrite(text, 1, len, f), len);
	ASSERT_EQ(fclose(f), 0);
}

static size_t get(char *text, size_t size)
{
	FILE *f = fopen("journal", "re");
	size_t n = fread(text, 1, size, f);

	ASSERT_EQ(fclose(f), 0);
	return n;
}

/* Whatever the cut leaves, whole records before it count and new ones can follow. */
TEST(journal_cut_at_every_byte_keeps_the_records_before)
{
	struct journal *j = open_or_die();
	off_t ends[4] = { 0 };
	char text[4096];
	size_t all;

	for (int i = 1; i <= 3; i++) {
		add(j, "step", i == 2 ? "done" : "begin", "detail of it");
		ends[i] = size_of("journal");
	}
	journal_free(j);
	all = get(text, sizeof(text));
	ASSERT_EQ(all, ends[3]);
	for (off_t cut = 0; cut <= ends[3]; cut++) {
		size_t whole = 0;

		put(text, (size_t)cut);
		while (whole < 3 && ends[whole + 1] <= cut)
			whole++;
		j = open_or_die();
		ASSERT_EQ(journal_len(j), whole);
		ASSERT_EQ(journal_cut(j), cut - ends[whole]);
		add(j, "after", "done", "");
		journal_free(j);
		j = open_or_die();
		ASSERT_EQ(journal_len(j), whole + 1);
		ASSERT_EQ(journal_cut(j), 0);
		journal_free(j);
	}
}

TEST(journal_flipped_bits_end_the_reading)
{
	struct journal *j = open_or_die();
	char text[4096];
	off_t first;
	size_t all;

	add(j, "a", "done", "1");
	first = size_of("journal");
	add(j, "b", "done", "2");
	journal_free(j);
	all = get(text, sizeof(text));
	for (size_t at = (size_t)first; at < all; at++) {
		text[at] ^= 4;
		put(text, all);
		text[at] ^= 4;
		j = open_or_die();
		ASSERT_EQ(journal_len(j), 1);
		journal_free(j);
		ASSERT_EQ(size_of("journal"), first);
	}
}

TEST(journal_stays_bounded_and_keeps_what_was_consumed)
{
	struct journal *j = open_or_die();
	char detail[400];

	add(j, "ceph-disk", "wipe-begin", "SERIAL1");
	for (int i = 0; i < 3000; i++) {
		(void)snprintf(detail, sizeof(detail), "%0*d", 300, i);
		add(j, "network", i % 2 ? "wait" : "failed", detail);
	}
	ASSERT(size_of("journal") < (off_t)JOURNAL_MAX + 8192);
	journal_free(j);
	j = open_or_die();
	ASSERT(journal_last(j, "ceph-disk", "wipe-begin", "SERIAL1") != NULL);
	ASSERT(journal_last(j, "network", "wait", detail) != NULL);
	journal_free(j);
}

/* Opened, added to, opened again, with each call failing in turn: whole records, none lost. */
TEST(journal_is_old_or_new_at_every_failed_call)
{
	long n = 0;

	for (;; n++) {
		struct journal *j = NULL;
		struct err err = { 0 };
		int r, added;

		(void)unlink("journal");
		j = open_or_die();
		add(j, "a", "done", "1");
		journal_free(j);
		j = NULL;
		fault_arm(n);
		r = journal_open(AT_FDCWD, "journal", &j, &err);
		added = r < 0 ? r : journal_add(j, "b", "done", "2", &err);
		if (!fault_disarm()) {
			ASSERT_OK(added, &err);
			journal_free(j);
			break;
		}
		ASSERT(added >= 0 || err.msg[0]);
		journal_free(j);
		j = open_or_die();
		ASSERT(journal_last(j, "a", "done", "1") != NULL);
		ASSERT_EQ(journal_cut(j), 0);
		/* told as written: it is there; a failure may have come after the writing */
		ASSERT(added < 0 || journal_last(j, "b", "done", "2") != NULL);
		ASSERT(journal_len(j) <= 2);
		add(j, "c", "done", "3");
		journal_free(j);
		j = open_or_die();
		ASSERT(journal_last(j, "c", "done", "3") != NULL);
		journal_free(j);
	}
	ASSERT(n >= 12);
}

/* When it is shortened, at every failed call: nothing that was consumed is forgotten. */
TEST(journal_shortened_is_old_or_new_at_every_failed_call)
{
	char detail[3001], *text = malloc(2 * JOURNAL_MAX);
	struct journal *j = open_or_die();
	size_t len;
	long n = 0;

	ASSERT(text != NULL);
	add(j, "ceph-disk", "wipe-begin", "SERIAL1");
	for (int i = 0; size_of("journal") <= (off_t)JOURNAL_MAX; i++) {
		(void)snprintf(detail, sizeof(detail), "%0*d", 3000, i);
		add(j, "network", "wait", detail);
	}
	journal_free(j);
	len = get(text, 2 * JOURNAL_MAX);
	for (;; n++) {
		struct err err = { 0 };
		int r;

		put(text, len);
		j = open_or_die();
		fault_arm(n);
		r = journal_add(j, "b", "done", "2", &err);
		if (!fault_disarm()) {
			ASSERT_OK(r, &err);
			journal_free(j);
			break;
		}
		journal_free(j);
		j = open_or_die();
		ASSERT_EQ(journal_cut(j), 0);
		ASSERT(journal_last(j, "ceph-disk", "wipe-begin", "SERIAL1") != NULL);
		ASSERT(r < 0 || journal_last(j, "b", "done", "2") != NULL);
		journal_free(j);
	}
	ASSERT(n >= 8);
	ASSERT(size_of("journal") < 8192);
	free(text);
}

/* A command that looks while the agent is in the middle of a record must not cut it off. */
TEST(journal_reading_repairs_nothing)
{
	struct journal *j = open_or_die(), *reader;
	struct err err = { 0 };
	off_t whole, damaged;

	add(j, "a", "done", "1");
	whole = size_of("journal");
	add(j, "b", "done", "2");
	ASSERT_EQ(truncate("journal", size_of("journal") - 3), 0);
	ASSERT_OK(journal_open_reading(AT_FDCWD, "journal", &reader, &err), &err);
	ASSERT_EQ(journal_len(reader), 1);
	damaged = size_of("journal");
	ASSERT_OK(journal_add(reader, "c", "done", "3", &err), &err);
	ASSERT_STR(journal_last(reader, "c", "done", NULL)->detail, "3");
	ASSERT_OK(journal_clear(reader, &err), &err);
	ASSERT_EQ(journal_len(reader), 0);
	journal_free(reader);
	ASSERT(damaged > whole);
	ASSERT_EQ(size_of("journal"), damaged);
	journal_free(j);
	ASSERT_OK(journal_open_reading(AT_FDCWD, "none", &reader, &err), &err);
	ASSERT_EQ(journal_len(reader), 0);
	journal_free(reader);
	ASSERT_EQ(access("none", F_OK), -1);
}

/* Old or empty, whatever fails; and what is added later stands alone. */
TEST(journal_clear_forgets_all_or_nothing)
{
	struct err err = { 0 };
	long n;

	for (n = 0;; n++) {
		struct journal *j;
		bool failed;
		int r;

		put("", 0);
		j = open_or_die();
		add(j, "a", "done", "1");
		add(j, "b", "done", "2");
		fault_arm(n);
		r = journal_clear(j, &err);
		failed = fault_disarm();
		if (!failed) {
			ASSERT_EQ(r, 0);
			ASSERT_EQ(journal_len(j), 0);
			add(j, "c", "done", "3");
		}
		journal_free(j);
		j = open_or_die();
		ASSERT_EQ(journal_cut(j), 0);
		ASSERT(journal_len(j) == 2 || (journal_len(j) == !failed));
		if (!failed)
			ASSERT_STR(journal_at(j, 0)->step, "c");
		journal_free(j);
		if (!failed)
			break;
	}
	ASSERT(n >= 4);
}

TEST(journal_notes_are_read_back_in_order)
{
	struct journal *j = open_or_die();
	struct err err = { 0 };

	ASSERT_EQ(journal_note(j, "a", "x", "1", &err), 0);
	add(j, "a", "x", "2");
	ASSERT_EQ(journal_note(j, "a", "x", "3", &err), 0);
	ASSERT_EQ(journal_sync(j, &err), 0);
	journal_free(j);
	j = open_or_die();
	ASSERT_EQ(journal_len(j), 3);
	ASSERT_STR(journal_last(j, "a", "x", NULL)->detail, "3");
	journal_free(j);
}
