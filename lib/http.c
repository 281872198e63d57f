#include "http-internal.h"

#include "buf.h"
#include "clock.h"
#include "file.h"
#include "log.h"
#include "parse.h"

#include <arpa/inet.h>
#include <string.h>
#include <strings.h>

#define WAIT_MAX_MS 30000
#define RETRY_AFTER_MAX_S 120
#define CONNECT_MS 15000

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
int http_check_url(struct http *h, const char *url, struct err *err)
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

void http_set_common(struct http *h, const char *url)
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
CURLcode http_perform(struct http *h, int hops, long *ret_status, struct err *err, int *ret_refused)
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
		*ret_refused = copy ? http_check_url(h, copy, err) : err_nomem(err);
		if (*ret_refused >= 0)
			(void)curl_easy_setopt(h->curl, CURLOPT_URL, copy);
		free(copy);
		if (*ret_refused < 0)
			return CURLE_OK;
	}
}

bool http_may_pass(CURLcode code, long status)
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
void http_wait_for_try(struct http *h, unsigned int wait_ms, unsigned int try)
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

int http_status_error(const struct http *h, long status, struct err *err)
{
	int r = status == 404 || status == 410	 ? -ENOENT
		: status == 401 || status == 403 ? -EACCES
						 : -EREMOTEIO;

	return err_setf(err, r, "cannot fetch '%s': the server answers %ld", h->shown, status);
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

static void set_request(struct http *h, const struct http_request *q, const char *method,
			struct curl_slist *headers, struct reply *reply)
{
	CURL *c = h->curl;

	http_set_common(h, q->url);
	(void)curl_easy_setopt(c, CURLOPT_TIMEOUT_MS,
			       (long)(q->timeout_ms ? q->timeout_ms : 30000));
	(void)curl_easy_setopt(c, CURLOPT_HTTPHEADER, headers);
	curl_set_identity(c, q->ca_pem, q->cert_pem, q->key_pem);
	if (q->ca_pem)
		(void)curl_easy_setopt(c, CURLOPT_NOPROXY, "*");
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
	return q->headers || q->cert_pem ? 0 : HTTP_HOPS_MAX;
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
		r = http_check_url(h, q->url, err);
		if (r < 0)
			return r;
		buf_clear(&text);
		set_request(h, q, method, headers, &reply);
		code = http_perform(h, reply.hops, &q->status, err, &r);
		if (r < 0)
			return r;
		if (buf_error(&text) == -E2BIG)
			return err_setf(err, -EFBIG, "'%s' answers more than %zu bytes", h->shown,
					text.max);
		if (!http_may_pass(code, q->status) || try + 1 >= tries)
			break;
		http_wait_for_try(h, q->wait_ms, try);
	}
	if (code != CURLE_OK) {
		char what[600];

		(void)snprintf(what, sizeof(what), "cannot ask '%s'", h->shown);
		return err_curl(err, code, h->detail, what);
	}
	q->reply = buf_steal(&text, &q->reply_len);
	return q->reply ? 0 : err_nomem(err);
}
