#include "kube.h"

#include "buf.h"
#include "clock.h"
#include "curl-util.h"

#include <string.h>
#include <strings.h>

#define DEFAULT_TIMEOUT_MS 30000
#define DEFAULT_MAX_REPLY ((size_t)16 << 20)
#define CONNECT_TIMEOUT_MS 10000
#define IDLE_HANDLES 8

struct kube {
	CURLM *multi;
	struct kube_cred cred;
	struct kube_stats stats;
	CURL *idle[IDLE_HANDLES]; /* easy handles to use again: they are large */
	size_t idle_len;
	size_t in_flight;
	struct kube_req *finished, **last; /* what kube_do() met on its way */
	struct kube_xfer *under_way;	   /* all of them */
	bool (*may)(const void *user);
	const void *may_user;
};

struct kube_xfer {
	struct kube_req *req;
	struct kube_xfer *next, **prev; /* in kube.under_way */
	CURL *easy;
	struct curl_slist *headers;
	struct buf body;
	char error[CURL_ERROR_SIZE];
};

static char *dup_or_null(const char *s)
{
	return s ? strdup(s) : NULL;
}

int kube_new(const struct kube_cred *cred, struct kube **ret, struct err *err)
{
	cleanup_kube struct kube *k = calloc(1, sizeof(*k));

	if (!k)
		return err_nomem(err);
	k->last = &k->finished;
	k->cred.url = dup_or_null(cred->url);
	k->cred.ca_pem = dup_or_null(cred->ca_pem);
	k->cred.cert_pem = dup_or_null(cred->cert_pem);
	k->cred.key_pem = dup_or_null(cred->key_pem);
	k->multi = curl_multi_init();
	if (!k->cred.url || !k->cred.ca_pem || !k->multi || (cred->key_pem && !k->cred.key_pem))
		return err_nomem(err);
	(void)curl_multi_setopt(k->multi, CURLMOPT_PIPELINING, (long)CURLPIPE_MULTIPLEX);
	(void)curl_multi_setopt(k->multi, CURLMOPT_MAX_HOST_CONNECTIONS, 8L);
	*ret = TAKE_PTR(k);
	return 0;
}

static bool same_text(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

bool kube_has_cred(const struct kube *k, const struct kube_cred *cred)
{
	return same_text(k->cred.url, cred->url) && same_text(k->cred.ca_pem, cred->ca_pem) &&
	       same_text(k->cred.cert_pem, cred->cert_pem) &&
	       same_text(k->cred.key_pem, cred->key_pem);
}

void kube_free(struct kube *k)
{
	if (!k)
		return;
	for (size_t i = 0; i < k->idle_len; i++)
		curl_easy_cleanup(k->idle[i]);
	if (k->multi)
		(void)curl_multi_cleanup(k->multi);
	kube_cred_done(&k->cred);
	free(k);
}

static size_t on_body(char *data, size_t size, size_t n, void *user)
{
	struct kube_xfer *x = user;

	(void)size;
	return buf_add(&x->body, data, n) < 0 ? 0 : n;
}

/* The value of a header line of that name, without blanks around; false: another one. */
static bool header_value(const char *line, size_t n, const char *name, char *dst, size_t size)
{
	size_t len = strlen(name);

	if (n <= len || strncasecmp(line, name, len) != 0)
		return false;
	for (line += len, n -= len; n && strchr(" \t", *line); n--)
		line++;
	while (n && strchr(" \t\r\n", line[n - 1]))
		n--;
	(void)snprintf(dst, size, "%.*s", (int)n, line);
	return true;
}

static size_t on_header(char *data, size_t size, size_t n, void *user)
{
	struct kube_xfer *x = user;
	struct kube_reply *reply = &x->req->reply;
	unsigned long v;
	char num[16];

	(void)size;
	if (header_value(data, n, "retry-after:", num, sizeof(num))) {
		v = strtoul(num, NULL, 10); /* a number of seconds, or a date that reads as 0 */
		reply->retry_after_s = v > 300 ? 300 : (unsigned int)v;
	}
	(void)header_value(data, n, "etag:", reply->etag, sizeof(reply->etag));
	return n;
}

static void set_request(CURL *e, struct kube_xfer *x)
{
	const struct kube_req *req = x->req;

	(void)curl_easy_setopt(e, CURLOPT_PROTOCOLS_STR, "https");
	(void)curl_easy_setopt(e, CURLOPT_SSL_VERIFYPEER, 1L);
	(void)curl_easy_setopt(e, CURLOPT_SSL_VERIFYHOST, 2L);
	(void)curl_easy_setopt(e, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_2TLS);
	(void)curl_easy_setopt(e, CURLOPT_PIPEWAIT, 1L);
	(void)curl_easy_setopt(e, CURLOPT_NOPROXY, "*");
	(void)curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L);
	(void)curl_easy_setopt(e, CURLOPT_TCP_KEEPALIVE, 1L);
	(void)curl_easy_setopt(e, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_TIMEOUT_MS);
	(void)curl_easy_setopt(e, CURLOPT_TIMEOUT_MS,
			       (long)(req->timeout_ms ? req->timeout_ms : DEFAULT_TIMEOUT_MS));
	(void)curl_easy_setopt(e, CURLOPT_CUSTOMREQUEST, req->method);
	(void)curl_easy_setopt(e, CURLOPT_USERAGENT, "kiln-node/" KILN_VERSION);
	(void)curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, on_body);
	(void)curl_easy_setopt(e, CURLOPT_WRITEDATA, x);
	(void)curl_easy_setopt(e, CURLOPT_HEADERFUNCTION, on_header);
	(void)curl_easy_setopt(e, CURLOPT_HEADERDATA, x);
	(void)curl_easy_setopt(e, CURLOPT_ERRORBUFFER, x->error);
	(void)curl_easy_setopt(e, CURLOPT_PRIVATE, x);
	if (req->body) {
		(void)curl_easy_setopt(e, CURLOPT_POSTFIELDS, req->body);
		(void)curl_easy_setopt(e, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)req->body_len);
	}
}

static int add_header(struct kube_xfer *x, const char *name, const char *value)
{
	char line[256];
	struct curl_slist *l;

	(void)snprintf(line, sizeof(line), "%s: %s", name, value);
	l = curl_slist_append(x->headers, line);
	if (!l)
		return -ENOMEM;
	x->headers = l;
	return 0;
}

static void xfer_free(struct kube *k, struct kube_xfer *x)
{
	if (x->prev) {
		*x->prev = x->next;
		if (x->next)
			x->next->prev = x->prev;
	}
	if (x->easy && k->idle_len < IDLE_HANDLES) {
		curl_easy_reset(x->easy);
		k->idle[k->idle_len++] = x->easy;
	} else if (x->easy) {
		curl_easy_cleanup(x->easy);
	}
	curl_slist_free_all(x->headers);
	buf_done(&x->body);
	free(x);
}

static int set_url_and_headers(struct kube *k, struct kube_xfer *x)
{
	const struct kube_req *req = x->req;
	cleanup_buf struct buf url = BUF_INIT(8192);
	int r;

	(void)buf_addf(&url, "%s%s", k->cred.url, req->path);
	r = buf_error(&url);
	if (r >= 0)
		r = add_header(x, "Accept", req->accept ? req->accept : "application/json");
	if (r >= 0 && req->if_none_match)
		r = add_header(x, "If-None-Match", req->if_none_match);
	if (r >= 0 && req->content_type)
		r = add_header(x, "Content-Type", req->content_type);
	if (r >= 0)
		r = add_header(x, "Expect", ""); /* no 100-continue round trip for large CRDs */
	if (r < 0)
		return r;
	if (curl_easy_setopt(x->easy, CURLOPT_URL, buf_str(&url)) != CURLE_OK)
		return -ENOMEM;
	(void)curl_easy_setopt(x->easy, CURLOPT_HTTPHEADER, x->headers);
	return 0;
}

int kube_start(struct kube *k, struct kube_req *req, struct err *err)
{
	struct kube_xfer *x = calloc(1, sizeof(*x));
	int r;

	if (!x)
		return err_nomem(err);
	kube_reply_done(&req->reply);
	x->req = req;
	buf_init(&x->body, req->max_reply_bytes ? req->max_reply_bytes : DEFAULT_MAX_REPLY);
	x->easy = k->idle_len ? k->idle[--k->idle_len] : curl_easy_init();
	r = x->easy ? set_url_and_headers(k, x) : -ENOMEM;
	if (r < 0) {
		xfer_free(k, x);
		return err_setf(err, r, "cannot send %s %s: out of memory", req->method, req->path);
	}
	curl_set_identity(x->easy, k->cred.ca_pem, k->cred.cert_pem, k->cred.key_pem);
	set_request(x->easy, x);
	if (curl_multi_add_handle(k->multi, x->easy) != CURLM_OK) {
		xfer_free(k, x);
		return err_setf(err, -EIO, "cannot send %s %s", req->method, req->path);
	}
	x->next = k->under_way;
	if (x->next)
		x->next->prev = &x->next;
	x->prev = &k->under_way;
	k->under_way = x;
	req->xfer = x;
	k->in_flight++;
	k->stats.requests++;
	k->stats.sent_bytes += req->body_len;
	return 0;
}

static struct kube_req *finish(struct kube *k, CURL *easy, CURLcode code)
{
	struct kube_xfer *x = NULL;
	struct kube_req *req;
	long status = 0;

	(void)curl_easy_getinfo(easy, CURLINFO_PRIVATE, &x);
	(void)curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
	req = x->req;
	req->reply.curl = code;
	req->reply.status = code == CURLE_OK ? (int)status : 0;
	if (code != CURLE_OK && buf_error(&x->body) < 0)
		(void)snprintf(req->reply.message, sizeof(req->reply.message),
			       "the answer is larger than %zu bytes", x->body.max);
	else if (code != CURLE_OK)
		(void)snprintf(req->reply.message, sizeof(req->reply.message), "%s",
			       x->error[0] ? x->error : curl_easy_strerror(code));
	k->stats.received_bytes += x->body.len;
	req->reply.body = buf_steal(&x->body, &req->reply.len);
	kube_reply_classify(&req->reply);
	(void)curl_multi_remove_handle(k->multi, easy);
	req->xfer = NULL;
	xfer_free(k, x);
	k->in_flight--;
	return req;
}

void kube_guard(struct kube *k, bool (*may)(const void *user), const void *user)
{
	k->may = may;
	k->may_user = user;
}

/* One guarded request that is under way and must not be; NULL: none. */
static struct kube_req *stop_guarded(struct kube *k)
{
	if (!k->may || k->may(k->may_user))
		return NULL;
	for (struct kube_xfer *x = k->under_way; x; x = x->next) {
		if (!x->req->guarded)
			continue;
		(void)snprintf(x->error, sizeof(x->error), "stopped before it was sent whole");
		return finish(k, x->easy, CURLE_ABORTED_BY_CALLBACK);
	}
	return NULL;
}

static struct kube_req *next_from_network(struct kube *k, unsigned int timeout_ms)
{
	uint64_t end = clock_ms() + timeout_ms;

	for (;;) {
		int running, left;
		struct kube_req *stopped = stop_guarded(k);
		CURLMsg *msg;
		uint64_t now;

		if (stopped)
			return stopped;
		(void)curl_multi_perform(k->multi, &running);
		while ((msg = curl_multi_info_read(k->multi, &left)))
			if (msg->msg == CURLMSG_DONE)
				return finish(k, msg->easy_handle, msg->data.result);
		now = clock_ms();
		if (now >= end || k->in_flight == 0)
			return NULL;
		(void)curl_multi_poll(k->multi, NULL, 0, (int)(end - now > 1000 ? 1000 : end - now),
				      NULL);
	}
}

static void keep_finished(struct kube *k, struct kube_req *req)
{
	req->next = NULL;
	*k->last = req;
	k->last = &req->next;
}

static void drop_finished(struct kube *k, const struct kube_req *req)
{
	struct kube_req **p = &k->finished;

	while (*p && *p != req)
		p = &(*p)->next;
	if (!*p)
		return;
	*p = req->next;
	if (!*p)
		k->last = p;
}

struct kube_req *kube_next(struct kube *k, unsigned int timeout_ms)
{
	struct kube_req *req = k->finished;

	if (!req)
		return next_from_network(k, timeout_ms);
	drop_finished(k, req);
	return req;
}

void kube_cancel(struct kube *k, struct kube_req *req)
{
	struct kube_xfer *x = req->xfer;

	drop_finished(k, req);
	if (!x)
		return;
	(void)curl_multi_remove_handle(k->multi, x->easy);
	req->xfer = NULL;
	xfer_free(k, x);
	k->in_flight--;
}

int kube_do(struct kube *k, struct kube_req *req, struct err *err)
{
	unsigned int limit = req->timeout_ms ? req->timeout_ms : DEFAULT_TIMEOUT_MS;
	/* libcurl ends the transfer at its own deadline: this one is only a net below it */
	uint64_t end = clock_ms() + limit + CONNECT_TIMEOUT_MS;
	int r = kube_start(k, req, err);

	if (r < 0)
		return r;
	for (;;) {
		uint64_t now = clock_ms();
		struct kube_req *got =
			next_from_network(k, now < end ? (unsigned int)(end - now) : 0);

		if (got == req)
			return 0;
		if (got) {
			keep_finished(k, got);
			continue;
		}
		kube_cancel(k, req);
		return err_setf(err, -ETIMEDOUT, "%s %s: no answer in %u ms", req->method,
				req->path, limit);
	}
}

void kube_req_done(struct kube_req *req)
{
	kube_reply_done(&req->reply);
}

size_t kube_in_flight(const struct kube *k)
{
	return k->in_flight;
}

const struct kube_stats *kube_stats(const struct kube *k)
{
	return &k->stats;
}
