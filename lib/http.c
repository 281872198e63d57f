#include "http.h"

#include "buf.h"
#include "clock.h"
#include "curl-util.h"
#include "digest.h"
#include "file.h"
#include "log.h"
#include "parse.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#define HOPS_MAX 5
#define WAIT_MAX_MS 30000
#define RETRY_AFTER_MAX_S 120
#define CONNECT_MS 15000

struct http {
	CURL *curl;
	char detail[CURL_ERROR_SIZE];
	char shown[512]; /* the URL as errors show it */
};

int http_new(struct http **ret, struct err *err)
{
	struct http *h;
	int r = curl_ready(err);

	if (r < 0)
		return r;
	h = calloc(1, sizeof(*h));
	if (!h)
		return err_nomem(err);
	h->curl = curl_easy_init();
	if (!h->curl) {
		free(h);
		return err_nomem(err);
	}
	*ret = h;
	return 0;
}

void http_free(struct http *h)
{
	if (!h)
		return;
	curl_easy_cleanup(h->curl);
	free(h);
}

static bool is_loopback(const char *host)
{
	struct in_addr four;

	if (strcasecmp(host, "localhost") == 0 || strcmp(host, "[::1]") == 0)
		return true;
	return inet_pton(AF_INET, host, &four) == 1 && (ntohl(four.s_addr) >> 24) == 127;
}

/* Says no to what must not be asked, and remembers how the URL is shown. */
static int check_url(struct http *h, const char *url, struct err *err)
{
	cleanup_curlu CURLU *u = curl_url();
	cleanup_curl_str char *scheme = NULL, *host = NULL, *user = NULL;

	(void)snprintf(h->shown, sizeof(h->shown), "%.*s", (int)strcspn(url, "?#"), url);
	if (!u)
		return err_nomem(err);
	if (curl_url_set(u, CURLUPART_URL, url, 0) != CURLUE_OK ||
	    curl_url_get(u, CURLUPART_SCHEME, &scheme, 0) != CURLUE_OK ||
	    curl_url_get(u, CURLUPART_HOST, &host, 0) != CURLUE_OK)
		return err_setf(err, -EINVAL, "'%s' is not a URL of https", h->shown);
	if (curl_url_get(u, CURLUPART_USER, &user, 0) == CURLUE_OK)
		return err_setf(err, -EINVAL,
				"a URL of '%s' carries a user name: that is not supported", host);
	if (strcmp(scheme, "https") == 0 || (strcmp(scheme, "http") == 0 && is_loopback(host)))
		return 0;
	return err_setf(err, -EPROTONOSUPPORT,
			"'%s' is refused: only https is, or http on this machine", h->shown);
}

static void set_common(struct http *h, const char *url)
{
	const char *ca = getenv("SSL_CERT_FILE");
	CURL *c = h->curl;

	curl_easy_reset(c); /* keeps the connections */
	h->detail[0] = '\0';
	(void)curl_easy_setopt(c, CURLOPT_URL, url);
	(void)curl_easy_setopt(c, CURLOPT_ERRORBUFFER, h->detail);
	(void)curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
	(void)curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "http,https");
	(void)curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_MS);
	(void)curl_easy_setopt(c, CURLOPT_USERAGENT, "kiln/" KILN_VERSION);
	if (ca && *ca)
		(void)curl_easy_setopt(c, CURLOPT_CAINFO, ca);
}

/* The status of the answer, after up to @hops redirects; each is checked like the first URL. */
static CURLcode perform(struct http *h, int hops, long *ret_status, struct err *err,
			int *ret_refused)
{
	*ret_refused = 0;
	for (int hop = 0;; hop++) {
		CURLcode code = curl_easy_perform(h->curl);
		char *next = NULL, *copy;

		*ret_status = 0;
		(void)curl_easy_getinfo(h->curl, CURLINFO_RESPONSE_CODE, ret_status);
		if (code != CURLE_OK)
			return code;
		(void)curl_easy_getinfo(h->curl, CURLINFO_REDIRECT_URL, &next);
		if (!next || hops == 0)
			return CURLE_OK;
		if (hop == hops) {
			*ret_refused = err_setf(err, -ELOOP, "'%s' redirects more than %d times",
						h->shown, hops);
			return CURLE_OK;
		}
		copy = strdup(next); /* curl's own goes with the next call */
		*ret_refused = copy ? check_url(h, copy, err) : err_nomem(err);
		if (*ret_refused >= 0)
			(void)curl_easy_setopt(h->curl, CURLOPT_URL, copy);
		free(copy);
		if (*ret_refused < 0)
			return CURLE_OK;
	}
}

static bool may_pass(CURLcode code, long status)
{
	switch (code) {
	case CURLE_OK:
		return status == 408 || status == 429 || status >= 500;
	case CURLE_COULDNT_CONNECT:
	case CURLE_COULDNT_RESOLVE_HOST:
	case CURLE_COULDNT_RESOLVE_PROXY:
	case CURLE_OPERATION_TIMEDOUT:
	case CURLE_PARTIAL_FILE:
	case CURLE_GOT_NOTHING:
	case CURLE_SEND_ERROR:
	case CURLE_RECV_ERROR:
	case CURLE_SSL_CONNECT_ERROR:
	case CURLE_HTTP2:
	case CURLE_HTTP2_STREAM:
		return true;
	default:
		return false;
	}
}

/* Waits before the next try: doubled each time, or as long as the server asked for. */
static void wait_for_try(struct http *h, unsigned int wait_ms, unsigned int try)
{
	uint64_t ms = wait_ms ? wait_ms : 1000;
	curl_off_t after_s = 0;

	for (unsigned int i = 0; i < try && ms < WAIT_MAX_MS; i++)
		ms *= 2;
	if (ms > WAIT_MAX_MS)
		ms = WAIT_MAX_MS;
	(void)curl_easy_getinfo(h->curl, CURLINFO_RETRY_AFTER, &after_s);
	if (after_s > 0)
		ms = (uint64_t)(after_s < RETRY_AFTER_MAX_S ? after_s : RETRY_AFTER_MAX_S) * 1000;
	log_debugf("http: '%s': %s; next try in %llu ms", h->shown, h->detail,
		   (unsigned long long)ms);
	clock_sleep_ms(ms);
}

static int status_error(const struct http *h, long status, struct err *err)
{
	int r = status == 404 || status == 410	 ? -ENOENT
		: status == 401 || status == 403 ? -EACCES
						 : -EREMOTEIO;

	return err_setf(err, r, "cannot fetch '%s': the server answers %ld", h->shown, status);
}

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

	set_common(s->h, s->d->url);
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
		r = status_error(s->h, status, err);
	} else {
		char what[sizeof(s->h->shown) + 32];

		(void)snprintf(what, sizeof(what), "cannot fetch '%s'", s->h->shown);
		r = err_curl(err, code, s->h->detail, what);
	}
	return may_pass(code, status) ? 1 : r;
}

static int fetch(struct sink *s, struct err *err)
{
	unsigned int tries = s->d->tries ? s->d->tries : 6;

	for (unsigned int try = 0;; try++) {
		CURLcode code;
		long status;
		int r, refused = check_url(s->h, s->d->url, err);

		if (refused < 0)
			return refused;
		if (!s->d->sha256 && s->at > 0) { /* nothing tells whether the halves fit */
			r = restart(s);
			if (r < 0)
				return err_errnof(err, r, "cannot start '%s' again", s->h->shown);
		}
		set_download(s);
		code = perform(s->h, HOPS_MAX, &status, err, &refused);
		if (refused < 0)
			return refused;
		r = judge(s, code, status, err);
		if (r <= 0)
			return r;
		if (try + 1 >= tries)
			return err->code ? err->code : -EIO;
		wait_for_try(s->h, s->d->wait_ms, try);
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
	s->at = s->d->sha256 ? (uint64_t)st.st_size : 0;
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

struct reply {
	struct http *h;
	struct buf *buf;
	int hops;
};

static size_t on_reply(char *data, size_t size, size_t count, void *arg)
{
	struct reply *reply = arg;
	long status = 0;

	(void)curl_easy_getinfo(reply->h->curl, CURLINFO_RESPONSE_CODE, &status);
	if (status / 100 == 3 && reply->hops > 0) /* the page of a redirect */
		return size * count;
	return buf_add(reply->buf, data, size * count) < 0 ? 0 : size * count;
}

static bool is_idempotent(const char *method)
{
	return strcmp(method, "GET") == 0 || strcmp(method, "HEAD") == 0 ||
	       strcmp(method, "PUT") == 0 || strcmp(method, "DELETE") == 0;
}

static struct curl_blob blob(const char *pem)
{
	return (struct curl_blob){ .data = (void *)(uintptr_t)pem,
				   .len = strlen(pem),
				   .flags = CURL_BLOB_NOCOPY };
}

static void set_identity(CURL *c, const struct http_request *q)
{
	if (q->ca_pem) {
		struct curl_blob ca = blob(q->ca_pem);

		(void)curl_easy_setopt(c, CURLOPT_CAINFO, NULL);
		(void)curl_easy_setopt(c, CURLOPT_CAPATH, NULL);
		(void)curl_easy_setopt(c, CURLOPT_CAINFO_BLOB, &ca);
		(void)curl_easy_setopt(c, CURLOPT_NOPROXY, "*");
	}
	if (q->cert_pem && q->key_pem) {
		struct curl_blob cert = blob(q->cert_pem), key = blob(q->key_pem);

		(void)curl_easy_setopt(c, CURLOPT_SSLCERTTYPE, "PEM");
		(void)curl_easy_setopt(c, CURLOPT_SSLCERT_BLOB, &cert);
		(void)curl_easy_setopt(c, CURLOPT_SSLKEYTYPE, "PEM");
		(void)curl_easy_setopt(c, CURLOPT_SSLKEY_BLOB, &key);
	}
}

static void set_request(struct http *h, const struct http_request *q, const char *method,
			struct curl_slist *headers, struct reply *reply)
{
	CURL *c = h->curl;

	set_common(h, q->url);
	(void)curl_easy_setopt(c, CURLOPT_TIMEOUT_MS,
			       (long)(q->timeout_ms ? q->timeout_ms : 30000));
	(void)curl_easy_setopt(c, CURLOPT_HTTPHEADER, headers);
	set_identity(c, q);
	(void)curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, on_reply);
	(void)curl_easy_setopt(c, CURLOPT_WRITEDATA, reply);
	if (q->body) {
		(void)curl_easy_setopt(c, CURLOPT_POSTFIELDS, q->body);
		(void)curl_easy_setopt(c, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)q->body_len);
	}
	if (strcmp(method, "HEAD") == 0)
		(void)curl_easy_setopt(c, CURLOPT_NOBODY, 1L);
	else
		(void)curl_easy_setopt(c, CURLOPT_CUSTOMREQUEST, method);
}

void http_request_done(struct http_request *q)
{
	free(q->reply);
	q->reply = NULL;
	q->reply_len = 0;
}

static int make_headers(const char *const *lines, struct curl_slist **ret)
{
	for (size_t i = 0; lines && lines[i]; i++) {
		struct curl_slist *longer = curl_slist_append(*ret, lines[i]);

		if (!longer)
			return -ENOMEM;
		*ret = longer;
	}
	return 0;
}

/* Headers may hold a credential, which is for that one server, as a certificate is. */
static int hops_of(const struct http_request *q)
{
	return q->headers || q->cert_pem ? 0 : HOPS_MAX;
}

int http_request(struct http *h, struct http_request *q, struct err *err)
{
	const char *method = q->method ? q->method : "GET";
	unsigned int tries = !is_idempotent(method) ? 1 : q->tries ? q->tries : 6;
	cleanup_slist struct curl_slist *headers = NULL;
	cleanup_buf struct buf text = BUF_INIT(q->max_bytes ? q->max_bytes : (size_t)16 << 20);
	struct reply reply = { .h = h, .buf = &text, .hops = hops_of(q) };
	CURLcode code;
	int r = 0;

	http_request_done(q);
	if (make_headers(q->headers, &headers) < 0)
		return err_nomem(err);
	for (unsigned int try = 0;; try++) {
		r = check_url(h, q->url, err);
		if (r < 0)
			return r;
		buf_clear(&text);
		set_request(h, q, method, headers, &reply);
		code = perform(h, reply.hops, &q->status, err, &r);
		if (r < 0)
			return r;
		if (buf_error(&text) == -E2BIG)
			return err_setf(err, -EFBIG, "'%s' answers more than %zu bytes", h->shown,
					text.max);
		if (!may_pass(code, q->status) || try + 1 >= tries)
			break;
		wait_for_try(h, q->wait_ms, try);
	}
	if (code != CURLE_OK) {
		char what[600];

		(void)snprintf(what, sizeof(what), "cannot ask '%s'", h->shown);
		return err_curl(err, code, h->detail, what);
	}
	q->reply = buf_steal(&text, &q->reply_len);
	return q->reply ? 0 : err_nomem(err);
}
