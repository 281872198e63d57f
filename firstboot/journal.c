#include "journal.h"

#include "buf.h"
#include "file.h"

#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <string.h>
#include <time.h>
#include <zlib.h>

#define RECORD_MAX 4096

struct journal {
	int dir_fd, fd; /* owned */
	char *name;	/* owned */
	size_t bytes, cut;
	uint64_t kill_after;
	bool behind;  /* records are written that are not synced */
	bool reading; /* the file is another's: what is added stays here */
	struct journal_record *items;
	size_t len, size;
};

static void record_done(struct journal_record *r)
{
	free(r->step);
	free(r->event);
	free(r->detail);
}

void journal_free(struct journal *j)
{
	if (!j)
		return;
	for (size_t i = 0; i < j->len; i++)
		record_done(&j->items[i]);
	free(j->items);
	free(j->name);
	close_fdp(&j->fd);
	close_fdp(&j->dir_fd);
	free(j);
}

/* Takes ownership of the three texts, also on failure. */
static int push(struct journal *j, int64_t time_s, char *step, char *event, char *detail)
{
	struct journal_record r = { time_s, step, event, detail };

	if (j->len == j->size) {
		size_t size = j->size ? j->size * 2 : 64;
		struct journal_record *p = reallocarray(j->items, size, sizeof(*p));

		if (!p) {
			record_done(&r);
			return -ENOMEM;
		}
		j->items = p;
		j->size = size;
	}
	if (!step || !event || !detail) {
		record_done(&r);
		return -ENOMEM;
	}
	j->items[j->len++] = r;
	return 0;
}

static uint32_t line_crc(const char *text, size_t len)
{
	return (uint32_t)crc32(crc32(0, NULL, 0), (const unsigned char *)text, (unsigned int)len);
}

/* One line without its newline. 1: a record was read, 0: not a record. */
static int parse_line(struct journal *j, char *line, size_t len)
{
	char *step, *event, *detail, *end;
	unsigned long crc;
	long long t;
	int r;

	if (len < 10 || line[8] != ' ' || memchr(line, '\0', len))
		return 0;
	crc = strtoul(line, &end, 16);
	if (end != line + 8 || crc != line_crc(line + 9, len - 9))
		return 0;
	errno = 0;
	t = strtoll(line + 9, &end, 10);
	if (errno || *end != ' ')
		return 0;
	step = end + 1;
	event = strchr(step, ' ');
	detail = event ? strchr(event + 1, ' ') : NULL;
	if (!detail)
		return 0;
	r = push(j, t, strndup(step, (size_t)(event - step)),
		 strndup(event + 1, (size_t)(detail - event - 1)), strdup(detail + 1));
	return r < 0 ? r : 1;
}

static int parse(struct journal *j, char *text, size_t len)
{
	size_t at = 0;

	while (at < len) {
		char *nl = memchr(text + at, '\n', len - at);
		int r;

		if (!nl)
			break;
		*nl = '\0';
		r = parse_line(j, text + at, (size_t)(nl - text) - at);
		if (r < 0)
			return r;
		if (r == 0)
			break;
		at = (size_t)(nl - text) + 1;
	}
	j->bytes = at;
	j->cut = len - at;
	return 0;
}

static struct journal *new_journal(const char *name)
{
	cleanup_journal struct journal *j = calloc(1, sizeof(*j));

	if (!j)
		return NULL;
	j->fd = j->dir_fd = -EBADF;
	j->name = strdup(name);
	return j->name ? TAKE_PTR(j) : NULL;
}

int journal_open_reading(int dir_fd, const char *name, struct journal **ret, struct err *err)
{
	cleanup_journal struct journal *j = new_journal(name);
	cleanup_free char *text = NULL;
	size_t len = 0;
	int r;

	if (!j)
		return err_nomem(err);
	r = file_read_at(dir_fd, name, 2 * JOURNAL_MAX, &text, &len, err);
	if (r < 0 && r != -ENOENT)
		return r;
	if (text && parse(j, text, len) < 0)
		return err_nomem(err);
	j->reading = true;
	*ret = TAKE_PTR(j);
	return 0;
}

int journal_open(int dir_fd, const char *name, struct journal **ret, struct err *err)
{
	cleanup_journal struct journal *j = new_journal(name);
	cleanup_free char *text = NULL;
	size_t len = 0;
	int r;

	if (!j)
		return err_nomem(err);
	j->dir_fd = neg_errno(openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
	if (j->dir_fd < 0)
		return err_errnof(err, j->dir_fd, "cannot open the folder of '%s'", name);
	j->fd = neg_errno(openat(dir_fd, name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
	if (j->fd < 0)
		return err_errnof(err, j->fd, "cannot open '%s'", name);
	r = neg_errno(fsync(j->dir_fd));
	if (r < 0)
		return err_errnof(err, r, "cannot sync the folder of '%s'", name);
	r = file_read_at(dir_fd, name, 2 * JOURNAL_MAX, &text, &len, err);
	if (r < 0)
		return r;
	r = parse(j, text, len);
	if (r < 0)
		return err_nomem(err);
	if (j->cut) {
		r = neg_errno(ftruncate(j->fd, (off_t)j->bytes));
		if (r >= 0)
			r = neg_errno(fsync(j->fd));
		if (r < 0)
			return err_errnof(err, r, "cannot cut the damaged end off '%s'", name);
	}
	*ret = TAKE_PTR(j);
	return 0;
}

static int format_record(struct buf *b, int64_t t, const char *step, const char *event,
			 const char *detail)
{
	cleanup_buf struct buf body = BUF_INIT(RECORD_MAX);
	size_t room;
	int r;

	(void)buf_addf(&body, "%" PRId64 " %s %s ", t, step, event);
	room = RECORD_MAX - body.len;
	for (const char *p = detail; *p && room > 1; p++, room--)
		(void)buf_addc(&body, (unsigned char)*p < 0x20 || *p == 0x7f ? ' ' : *p);
	r = buf_error(&body);
	if (r < 0)
		return r;
	return buf_addf(b, "%08" PRIx32 " %s\n", line_crc(buf_str(&body), body.len),
			buf_str(&body));
}

/* Of these events only the newest counts, whatever its reason. */
static bool is_transient(const char *event)
{
	return strcmp(event, "wait") == 0 || strcmp(event, "failed") == 0;
}

static bool is_newest(const struct journal *j, size_t i)
{
	for (size_t k = i + 1; k < j->len; k++)
		if (strcmp(j->items[k].step, j->items[i].step) == 0 &&
		    strcmp(j->items[k].event, j->items[i].event) == 0 &&
		    (is_transient(j->items[i].event) ||
		     strcmp(j->items[k].detail, j->items[i].detail) == 0))
			return false;
	return true;
}

/* Another text takes the file's place. */
static int replace(struct journal *j, const char *text, size_t len, struct err *err)
{
	int r = file_replace_at(j->dir_fd, j->name, text, len, 0600, err);

	close_fdp(&j->fd);
	j->fd = -EBADF; /* which of the two files has the name is not known after a failure */
	if (r < 0)
		return r;
	j->fd = neg_errno(openat(j->dir_fd, j->name, O_RDWR | O_CLOEXEC | O_NOFOLLOW));
	if (j->fd < 0)
		return err_errnof(err, j->fd, "cannot open '%s'", j->name);
	j->bytes = len;
	return 0;
}

/*
 * Keeps the newest of each (step, event, detail): what was consumed once, such as a
 * wipe's serial, must never be forgotten.
 */
static int compact(struct journal *j, struct err *err)
{
	cleanup_buf struct buf b = BUF_INIT(2 * JOURNAL_MAX);
	size_t kept = 0;
	int r = 0;

	for (size_t i = 0; i < j->len; i++) {
		struct journal_record rec = j->items[i];

		if (!is_newest(j, i)) {
			record_done(&rec);
			continue;
		}
		if (r >= 0)
			r = format_record(&b, rec.time_s, rec.step, rec.event, rec.detail);
		j->items[kept++] = rec;
	}
	j->len = kept;
	if (r < 0)
		return err_errnof(err, r, "cannot shorten '%s'", j->name);
	return replace(j, buf_str(&b), b.len, err);
}

int journal_clear(struct journal *j, struct err *err)
{
	int r = j->reading ? 0 : replace(j, "", 0, err);

	if (r < 0)
		return r;
	for (size_t i = 0; i < j->len; i++)
		record_done(&j->items[i]);
	j->len = 0;
	j->behind = false;
	return 0;
}

int journal_sync(struct journal *j, struct err *err)
{
	int r = j->behind ? neg_errno(fdatasync(j->fd)) : 0;

	if (r < 0)
		return err_errnof(err, r, "cannot write to '%s'", j->name);
	j->behind = false;
	return 0;
}

int journal_note(struct journal *j, const char *step, const char *event, const char *detail,
		 struct err *err)
{
	cleanup_buf struct buf b = BUF_INIT(2 * RECORD_MAX);
	struct timespec now;
	int r;

	(void)clock_gettime(CLOCK_REALTIME, &now);
	if (j->reading) {
		r = push(j, now.tv_sec, strdup(step), strdup(event), strdup(detail));
		return r < 0 ? err_nomem(err) : 0;
	}
	if (j->fd < 0)
		return err_setf(err, -EROFS, "'%s' could not be replaced before", j->name);
	if (j->bytes > JOURNAL_MAX) {
		r = compact(j, err);
		if (r < 0)
			return r;
	}
	r = format_record(&b, now.tv_sec, step, event, detail);
	if (r < 0)
		return err_errnof(err, r, "cannot write a record to '%s'", j->name);
	r = pwrite_all(j->fd, b.data, b.len, j->bytes);
	if (r < 0) {
		/* half a record is no record: what follows must not stand behind it */
		(void)!ftruncate(j->fd, (off_t)j->bytes);
		return err_errnof(err, r, "cannot write to '%s'", j->name);
	}
	if (j->kill_after == 1)
		(void)raise(SIGKILL);
	j->kill_after -= j->kill_after > 0;
	r = push(j, now.tv_sec, strdup(step), strdup(event), strdup(detail));
	if (r < 0)
		return err_nomem(err);
	j->bytes += b.len;
	j->behind = true;
	return 0;
}

int journal_add(struct journal *j, const char *step, const char *event, const char *detail,
		struct err *err)
{
	int r = journal_note(j, step, event, detail, err);

	return r < 0 ? r : journal_sync(j, err);
}

const struct journal_record *journal_last(const struct journal *j, const char *step,
					  const char *event, const char *detail)
{
	for (size_t i = j->len; i-- > 0;) {
		const struct journal_record *r = &j->items[i];

		if (strcmp(r->step, step) == 0 && strcmp(r->event, event) == 0 &&
		    (!detail || strcmp(r->detail, detail) == 0))
			return r;
	}
	return NULL;
}

void journal_kill_after(struct journal *j, uint64_t n)
{
	j->kill_after = n;
}

size_t journal_len(const struct journal *j)
{
	return j->len;
}

const struct journal_record *journal_at(const struct journal *j, size_t i)
{
	return &j->items[i];
}

size_t journal_cut(const struct journal *j)
{
	return j->cut;
}
