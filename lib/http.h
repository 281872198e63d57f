/*
 * http - fetch files and ask servers, by libcurl
 *
 * Only https; http is for this machine (127.0.0.0/8, ::1, localhost). The same holds for
 * every redirect, of which five are followed. What may pass (no answer, a broken
 * connection, 408, 429, 5xx) is tried again with growing, capped waits, or what the
 * server asks for in Retry-After; what will not pass (404, a wrong certificate) is not.
 * The environment's proxies count, and SSL_CERT_FILE for the CAs to trust.
 *
 * A struct http holds a connection between calls and belongs to one thread. Units: bytes,
 * milliseconds. Errors: negative errno with the URL in err; user:password@ in a URL is
 * refused, queries are not shown.
 *
 *	cleanup_http struct http *h = NULL;
 *	r = http_new(&h, err);
 *	struct http_download d = { .url = url, .sha256 = lock->sha256 };
 *	r = http_download(h, &d, "cache/k3s", err);
 */
#pragma once

#include "err.h"

#include <stdbool.h>

struct http;

int http_new(struct http **ret, struct err *err) MUST_CHECK;
void http_free(struct http *h);
static inline void http_freep(struct http **h)
{
	http_free(*h);
}
#define cleanup_http CLEANUP(http_freep)

/* done: bytes on disk; total: 0 when the server did not say. A negative result stops: -ECANCELED.
 */
typedef int http_progress(void *arg, uint64_t done_bytes, uint64_t total_bytes);

struct http_download {
	const char *url;
	const char *sha256;    /* 64 hex digits that the file must have; NULL: any */
	uint64_t max_bytes;    /* 0: 16 GiB */
	unsigned int tries;    /* 0: 6 */
	unsigned int wait_ms;  /* before the second try, doubled up to 30 s; 0: 1 s */
	unsigned int stall_ms; /* no byte for so long is a broken connection; 0: 30 s */
	http_progress *progress;
	void *arg;

	/* results */
	uint64_t size_bytes;
	char sha256_got[65];
	bool resumed; /* bytes of an earlier call were used */
};
/*
 * The whole file, checked and synced, under its name, or nothing. "<path>.part" holds what
 * came so far; a later call with a digest goes on from there. -EBADMSG: not the digest that
 * was asked for (the file is removed); -ENOENT: 404; -EFBIG: larger than max_bytes.
 */
int http_download(struct http *h, struct http_download *d, const char *path,
		  struct err *err) MUST_CHECK;

struct http_request {
	const char *method; /* NULL: GET */
	const char *url;
	const char *const *headers; /* "Name: value", NULL-terminated, or NULL */
	const void *body;
	size_t body_len;
	size_t max_bytes;	     /* of the answer; 0: 16 MiB */
	unsigned int timeout_ms;     /* of one try; 0: 30 s */
	unsigned int tries, wait_ms; /* as above, for idempotent methods; others are tried once */
	/*
	 * PEM, for a server with a CA of its own: ca_pem alone is trusted then, cert_pem and
	 * key_pem (both or none) say who asks, and no proxy is used. NULL: the machine's CAs.
	 */
	const char *ca_pem, *cert_pem, *key_pem;

	/* results */
	long status;
	char *reply; /* owned; NUL-terminated */
	size_t reply_len;
};
/*
 * Redirects are followed only where neither headers nor a certificate are given.
 * 0 also for an answer that is an error: look at status. http_request_done() releases the reply.
 */
int http_request(struct http *h, struct http_request *q, struct err *err) MUST_CHECK;
void http_request_done(struct http_request *q);
#define cleanup_http_request CLEANUP(http_request_done)
