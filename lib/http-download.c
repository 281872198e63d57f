/* http-download - a file, resumed and checked; see http.h */
#include "http-internal.h"

#include "digest.h"
#include "file.h"

#include <fcntl.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

struct sink {
	struct http *h;
	struct http_download *d;
	int fd;
	uint64_t at; /* bytes in the part file */
	uint64_t max_bytes;
	bool checked; /* the status of this answer was looked at */
	int result;   /* why it was stopped */
};

/* An answer's first bytes: where they go depends on its status. */
static int begin(struct sink *s)
{
	long status = 0;

	(void)curl_easy_getinfo(s->h->curl, CURLINFO_RESPONSE_CODE, &status);
	s->checked = true;
	if (status == 200 && s->at > 0) { /* the server knows no ranges: from the start */
		if (ftruncate(s->fd, 0) < 0)
			return -errno;
		s->at = 0;
		s->d->resumed = false;
	}
	return 0;
}

static size_t on_data(char *data, size_t size, size_t count, void *arg)
{
	struct sink *s = arg;
	size_t len = size * count;
	long status = 0;

	(void)curl_easy_getinfo(s->h->curl, CURLINFO_RESPONSE_CODE, &status);
	if (status != 200 && status != 206)
		return len; /* an error's page */
	if (!s->checked)
		s->result = begin(s);
	if (s->result >= 0 && len > s->max_bytes - s->at)
		s->result = -EFBIG;
	if (s->result >= 0)
		s->result = pwrite_all(s->fd, data, len, s->at);
	if (s->result < 0)
		return 0;
	s->at += len;
	return len;
}

static int on_progress(void *arg, curl_off_t total, curl_off_t now, curl_off_t up_total,
		       curl_off_t up_now)
{
	struct sink *s = arg;
	uint64_t all = total > 0 ? (uint64_t)(total - now) + s->at : 0;

	(void)up_total;
	(void)up_now;
	if (s->d->progress && s->d->progress(s->d->arg, s->at, all) < 0) {
		s->result = -ECANCELED;
		return 1;
	}
	return 0;
}

static void set_download(struct sink *s)
{
	CURL *c = s->h->curl;
	unsigned int stall_ms = s->d->stall_ms ? s->d->stall_ms : 30000;

	http_set_common(s->h, s->d->url);
	(void)curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, on_data);
	(void)curl_easy_setopt(c, CURLOPT_WRITEDATA, s);
	(void)curl_easy_setopt(c, CURLOPT_XFERINFOFUNCTION, on_progress);
	(void)curl_easy_setopt(c, CURLOPT_XFERINFODATA, s);
	(void)curl_easy_setopt(c, CURLOPT_NOPROGRESS, 0L);
	(void)curl_easy_setopt(c, CURLOPT_LOW_SPEED_LIMIT, 1L);
	(void)curl_easy_setopt(c, CURLOPT_LOW_SPEED_TIME, (long)(stall_ms + 999) / 1000);
	if (s->at > 0)
		(void)curl_easy_setopt(c, CURLOPT_RESUME_FROM_LARGE, (curl_off_t)s->at);
	s->checked = false;
	s->result = 0;
}

static int restart(struct sink *s)
{
	s->at = 0;
	s->d->resumed = false;
	return neg_errno(ftruncate(s->fd, 0));
}

/* What one answer means: 0 done, 1 try again, or an error. */
static int judge(struct sink *s, CURLcode code, long status, struct err *err)
{
	int r;

	if (s->result == -EFBIG)
		return err_setf(err, -EFBIG, "'%s' is larger than %llu bytes", s->h->shown,
				(unsigned long long)s->max_bytes);
	if (s->result == -ECANCELED)
		return err_setf(err, -ECANCELED, "the download of '%s' was stopped", s->h->shown);
	if (s->result < 0)
		return err_errnof(err, s->result, "cannot write what '%s' sends", s->h->shown);
	/* curl says RANGE_ERROR for a 200 to a resume that it did not expect */
	if (code == CURLE_RANGE_ERROR || (code == CURLE_OK && status == 416 && s->at > 0)) {
		r = restart(s);
		return r < 0 ? err_errnof(err, r, "cannot start '%s' again", s->h->shown) : 1;
	}
	if (code == CURLE_OK && (status == 200 || status == 206))
		return 0;
	if (code == CURLE_OK) {
		r = http_status_error(s->h, status, err);
	} else {
		char what[sizeof(s->h->shown) + 32];

		(void)snprintf(what, sizeof(what), "cannot fetch '%s'", s->h->shown);
		r = err_curl(err, code, s->h->detail, what);
	}
	return http_may_pass(code, status) ? 1 : r;
}

static int fetch(struct sink *s, struct err *err)
{
	unsigned int tries = s->d->tries ? s->d->tries : 6;

	for (unsigned int try = 0;; try++) {
		CURLcode code;
		long status;
		int r, refused = http_check_url(s->h, s->d->url, err);

		if (refused < 0)
			return refused;
		if (!s->d->sha256 && s->at > 0) { /* nothing tells whether the halves fit */
			r = restart(s);
			if (r < 0)
				return err_errnof(err, r, "cannot start '%s' again", s->h->shown);
		}
		set_download(s);
		code = http_perform(s->h, HTTP_HOPS_MAX, &status, err, &refused);
		if (refused < 0)
			return refused;
		r = judge(s, code, status, err);
		if (r <= 0)
			return r;
		if (try + 1 >= tries)
			return err->code ? err->code : -EIO;
		http_wait_for_try(s->h, s->d->wait_ms, try);
	}
}

/* 1: not the digest, but part of it was from an earlier call: worth another try. */
static int check_digest(struct sink *s, struct err *err)
{
	int r;

	if (lseek(s->fd, 0, SEEK_SET) < 0)
		return err_errnof(err, -errno, "cannot read what was fetched");
	r = sha256_fd(s->fd, s->d->sha256_got, err);
	if (r < 0 || !s->d->sha256 || strcasecmp(s->d->sha256, s->d->sha256_got) == 0)
		return r;
	if (s->d->resumed)
		return 1;
	return err_setf(err, -EBADMSG, "'%s' has SHA-256 %s, not %s", s->h->shown, s->d->sha256_got,
			s->d->sha256);
}

static int fetch_and_check(struct sink *s, struct err *err)
{
	int r = fetch(s, err);

	if (r >= 0)
		r = check_digest(s, err);
	if (r > 0) {
		r = restart(s);
		if (r < 0)
			return err_errnof(err, r, "cannot start '%s' again", s->h->shown);
		r = fetch(s, err);
		if (r >= 0)
			r = check_digest(s, err);
	}
	return r;
}

static int open_part(struct sink *s, const char *part, struct err *err)
{
	struct stat st;
	int r = s->fd = neg_errno(open(part, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0644));

	if (r >= 0)
		r = neg_errno(fstat(s->fd, &st));
	if (r < 0)
		return err_errnof(err, r, "cannot create '%s'", part);
	s->at = s->d->sha256 && (uint64_t)st.st_size <= s->max_bytes ? (uint64_t)st.st_size : 0;
	s->d->resumed = s->at > 0;
	r = s->at ? 0 : neg_errno(ftruncate(s->fd, 0));
	return r < 0 ? err_errnof(err, r, "cannot empty '%s'", part) : 0;
}

static int put_in_place(int fd, const char *part, const char *path, struct err *err)
{
	int r = neg_errno(fsync(fd));

	if (r >= 0)
		r = neg_errno(rename(part, path));
	if (r < 0)
		return err_errnof(err, r, "cannot put '%s' in place", path);
	return file_sync_dir_at(AT_FDCWD, path, err);
}

static void sink_done(struct sink *s)
{
	close_fdp(&s->fd);
}

int http_download(struct http *h, struct http_download *d, const char *path, struct err *err)
{
	CLEANUP(sink_done)
	struct sink s = {
		.h = h,
		.d = d,
		.fd = -EBADF,
		.max_bytes = d->max_bytes ? d->max_bytes : UINT64_C(16) << 30,
	};
	cleanup_free char *part = NULL;
	int r;

	if (asprintf(&part, "%s.part", path) < 0) {
		part = NULL;
		return err_nomem(err);
	}
	r = open_part(&s, part, err);
	if (r < 0)
		return r;
	r = fetch_and_check(&s, err);
	if (r < 0) {
		if (r == -EBADMSG || r == -EFBIG || s.at == 0 || !d->sha256)
			(void)unlink(part); /* nothing worth going on from */
		return r;
	}
	d->size_bytes = s.at;
	return put_in_place(s.fd, part, path, err);
}
