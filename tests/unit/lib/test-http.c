/* Requests, and the URLs that neither they nor downloads may ask. */
#include "http-fixture.h"

TEST(urls_that_are_refused)
{
	static const struct {
		const char *url, *msg;
		int r;
	} cases[] = {
		{ "http://example.org/x",
		  "'http://example.org/x' is refused: only https is, or http on this machine",
		  -EPROTONOSUPPORT },
		{ "http://127.0.0.1.example.org/",
		  "'http://127.0.0.1.example.org/' is refused: only https is, or http on this "
		  "machine",
		  -EPROTONOSUPPORT },
		{ "ftp://127.0.0.1/x",
		  "'ftp://127.0.0.1/x' is refused: only https is, or http on this machine",
		  -EPROTONOSUPPORT },
		{ "file:///etc/passwd", "'file:///etc/passwd' is not a URL of https", -EINVAL },
		{ "https://me:secret@example.org/",
		  "a URL of 'example.org' carries a user name: that is not supported", -EINVAL },
		{ "not a url", "'not a url' is not a URL of https", -EINVAL },
	};
	cleanup_http struct http *h = NULL;
	struct err err = { 0 };

	ASSERT_OK(http_new(&h, &err), &err);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct http_download d = { .url = cases[i].url };
		struct http_request q = { .url = cases[i].url };

		ASSERT_EQ(http_download(h, &d, "out", &err), cases[i].r);
		ASSERT_STR(err.msg, cases[i].msg);
		ASSERT_EQ(http_request(h, &q, &err), cases[i].r);
	}
}

TEST(request_gives_status_and_reply)
{
	CLEANUP(server_done)
	struct server s = start((const char *const[]){
		"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n", NOT_FOUND,
		"HTTP/1.1 302 Found\r\nLocation: /next\r\nContent-Length: 5\r\n\r\nmoved", OK_ABC,
		"HTTP/1.1 302 Found\r\nLocation: /never\r\nContent-Length: 0\r\n\r\n",
		"HTTP/1.1 500 X\r\nContent-Length: 0\r\n\r\n", OK_ABC, NULL });
	cleanup_http_request struct http_request q = { .url = s.url, .wait_ms = 1 };
	cleanup_http struct http *h = NULL;
	struct err err = { 0 };

	ASSERT_OK(http_new(&h, &err), &err);
	ASSERT_OK(http_request(h, &q, &err), &err); /* the 503 was tried again */
	ASSERT_EQ(q.status, 404);
	ASSERT_STR(q.reply, "nope");
	ASSERT_OK(http_request(h, &q, &err), &err);
	ASSERT_EQ(q.status, 200);
	ASSERT_STR(q.reply, "abc"); /* without the redirect's page */
	q.headers = (const char *const[]){ "Authorization: Bearer x", NULL };
	ASSERT_OK(http_request(h, &q, &err), &err);
	ASSERT_EQ(q.status, 302); /* a credential does not travel */
	q.method = "POST";
	q.body = "hello";
	q.body_len = 5;
	ASSERT_OK(http_request(h, &q, &err), &err);
	ASSERT_EQ(q.status, 500); /* a POST is sent once */
	q.method = NULL;
	q.body = NULL;
	q.max_bytes = 2;
	ASSERT_EQ(http_request(h, &q, &err), -EFBIG);
}

static struct server fault_server;

static int ask(void *arg, struct err *err)
{
	cleanup_http_request struct http_request q = { .url = fault_server.url, .tries = 1 };
	cleanup_http struct http *h = NULL;
	int r = http_new(&h, err);

	(void)arg;
	if (r >= 0)
		r = http_request(h, &q, err);
	if (r < 0)
		ASSERT(q.reply == NULL);
	else
		ASSERT_STR(q.reply, "abc");
	return r;
}

TEST(request_gives_the_reply_or_nothing_under_every_fault)
{
	CLEANUP(server_done) struct server s = start_endless();

	curl_on_our_heap();
	fault_server = s;
	ASSERT(fault_loop(ask, NULL, NULL) > 50);
}
