/* Against a real socket: a child answers each connection with the next canned reply. */
#include "clock.h"
#include "fault.h"
#include "file.h"
#include "http.h"
#include "spawn.h"
#include "test.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>

#define ABC_SHA "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
#define OK_ABC "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc"
#define NOT_FOUND "HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\n\r\nnope"

struct server {
	pid_t pid;
	char url[64];
};

static void server_done(struct server *s)
{
	(void)kill(s->pid, SIGKILL);
}

/* Writes each request's head to the file "requests", then the reply, then closes. */
static _Noreturn void serve(int listener, const char *const *replies)
{
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	(void)signal(SIGPIPE, SIG_IGN);
	for (size_t i = 0; replies[i]; i++) {
		int conn = accept(listener, NULL, NULL),
		    log = open("requests", O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
		char head[8192];
		size_t len = 0;

		while (len < sizeof(head) - 1) {
			ssize_t n = read(conn, head + len, sizeof(head) - 1 - len);

			if (n <= 0)
				break;
			len += (size_t)n;
			head[len] = '\0';
			if (strstr(head, "\r\n\r\n"))
				break;
		}
		(void)!write(log, head, len);
		(void)close(log);
		if (strcmp(replies[i], "STALL") == 0)
			clock_sleep_ms(20000);
		(void)!write(conn, replies[i], strlen(replies[i]));
		(void)close(conn);
	}
	_exit(0);
}

static struct server start(const char *const *replies)
{
	struct sockaddr_in addr = { .sin_family = AF_INET,
				    .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	socklen_t len = sizeof(addr);
	struct server s;

	ASSERT_EQ(bind(listener, (struct sockaddr *)&addr, sizeof(addr)), 0);
	ASSERT_EQ(listen(listener, 16), 0);
	ASSERT_EQ(getsockname(listener, (struct sockaddr *)&addr, &len), 0);
	(void)snprintf(s.url, sizeof(s.url), "http://127.0.0.1:%d/f?token=x", ntohs(addr.sin_port));
	s.pid = fork();
	if (s.pid == 0)
		serve(listener, replies);
	(void)close(listener);
	return s;
}

static bool requested(const char *text)
{
	cleanup_free char *all = NULL;
	struct err err = { 0 };

	ASSERT_OK(file_read_at(AT_FDCWD, "requests", 1 << 20, &all, NULL, &err), &err);
	return strstr(all, text) != NULL;
}

static void assert_file(const char *name, const char *want)
{
	cleanup_free char *all = NULL;
	struct err err = { 0 };

	ASSERT_OK(file_read_at(AT_FDCWD, name, 1 << 20, &all, NULL, &err), &err);
	ASSERT_STR(all, want);
}

/* One download from a server with these replies; "PORT" of @want_msg is the server's address. */
static int download(const char *const *replies, struct http_download *d, struct err *err)
{
	CLEANUP(server_done) struct server s = start(replies);
	cleanup_http struct http *h = NULL;

	ASSERT_OK(http_new(&h, err), err);
	d->url = s.url;
	d->wait_ms = 1;
	return http_download(h, d, "out", err);
}

TEST(download_checks_and_names_the_file_at_the_end)
{
	struct http_download d = { .sha256 = ABC_SHA };
	struct err err = { 0 };
	struct stat st;

	ASSERT_OK(download((const char *const[]){ OK_ABC, NULL }, &d, &err), &err);
	assert_file("out", "abc");
	ASSERT_EQ(d.size_bytes, 3);
	ASSERT_STR(d.sha256_got, ABC_SHA);
	ASSERT_EQ(stat("out.part", &st), -1);
	ASSERT(requested("GET /f?token=x HTTP/1.1\r\n"));
	ASSERT(requested("User-Agent: kiln/"));
}

TEST(download_refuses_another_digest_and_keeps_nothing)
{
	struct http_download d = { .sha256 = ABC_SHA };
	struct err err = { 0 };
	struct stat st;

	ASSERT_EQ(download((const char *const[]){ "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabd",
						  NULL },
			   &d, &err),
		  -EBADMSG);
	ASSERT(strstr(
		err.msg,
		"/f' has SHA-256 a52d159f262b2c6ddb724a61840befc36eb30c88877a4030b65cbe86298449c9, "
		"not " ABC_SHA));
	ASSERT(!strstr(err.msg, "token")); /* no query in messages */
	ASSERT_EQ(stat("out", &st) + stat("out.part", &st), -2);
}

TEST(download_tries_again_what_may_pass)
{
	struct http_download d = { .sha256 = ABC_SHA };
	struct err err = { 0 };

	ASSERT_OK(
		download(
			(const char *const[]){
				"HTTP/1.1 503 Busy\r\nContent-Length: 4\r\n\r\nbusy",
				"HTTP/1.1 429 Slow\r\nRetry-After: 0\r\nContent-Length: 0\r\n\r\n",
				"", /* closed without an answer */
				"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\na", /* and in the
										    middle */
				"HTTP/1.1 206 Partial\r\nContent-Range: bytes "
				"1-2/3\r\nContent-Length: 2\r\n\r\nbc",
				NULL },
			&d, &err),
		&err);
	assert_file("out", "abc");
	ASSERT(requested("Range: bytes=1-\r\n"));
	ASSERT(!d.resumed); /* all of it came in this call */
}

TEST(download_gives_up_after_its_tries)
{
	struct http_download d = { .tries = 3 };
	struct err err = { 0 };

	ASSERT_EQ(download((const char *const[]){ "HTTP/1.1 500 X\r\nContent-Length: 0\r\n\r\n",
						  "HTTP/1.1 500 X\r\nContent-Length: 0\r\n\r\n",
						  "HTTP/1.1 502 X\r\nContent-Length: 0\r\n\r\n",
						  OK_ABC, NULL },
			   &d, &err),
		  -EREMOTEIO);
	ASSERT(strstr(err.msg, "/f': the server answers 502"));
}

TEST(download_does_not_repeat_what_will_not_pass)
{
	struct http_download d = { .sha256 = ABC_SHA };
	struct err err = { 0 };
	struct stat st;

	ASSERT_EQ(download((const char *const[]){ NOT_FOUND, OK_ABC, NULL }, &d, &err), -ENOENT);
	ASSERT(strstr(err.msg, "the server answers 404"));
	ASSERT_EQ(stat("out.part", &st), -1);
}

TEST(download_goes_on_from_an_earlier_call)
{
	struct http_download d = { .sha256 = ABC_SHA };
	struct err err = { 0 };

	ASSERT_OK(file_replace_at(AT_FDCWD, "out.part", "ab", 2, 0644, &err), &err);
	ASSERT_OK(download((const char *const[]){ "HTTP/1.1 206 Partial\r\nContent-Range: bytes "
						  "2-2/3\r\nContent-Length: 1\r\n\r\nc",
						  NULL },
			   &d, &err),
		  &err);
	ASSERT(requested("Range: bytes=2-\r\n"));
	ASSERT(d.resumed);
	assert_file("out", "abc");
}

TEST(download_starts_over_when_the_part_does_not_fit)
{
	struct http_download d = { .sha256 = ABC_SHA };
	struct err err = { 0 };

	/* wrong bytes in it */
	ASSERT_OK(file_replace_at(AT_FDCWD, "out.part", "xx", 2, 0644, &err), &err);
	ASSERT_OK(download((const char *const[]){ "HTTP/1.1 206 Partial\r\nContent-Range: bytes "
						  "2-2/3\r\nContent-Length: 1\r\n\r\nc",
						  OK_ABC, NULL },
			   &d, &err),
		  &err);
	assert_file("out", "abc");
	/* too many: the server has no such range */
	ASSERT_OK(file_replace_at(AT_FDCWD, "out.part", "abcdef", 6, 0644, &err), &err);
	ASSERT_OK(download((const char *const[]){ "HTTP/1.1 416 Range\r\nContent-Length: 0\r\n\r\n",
						  OK_ABC, NULL },
			   &d, &err),
		  &err);
	assert_file("out", "abc");
	/* a server without ranges sends all */
	ASSERT_OK(file_replace_at(AT_FDCWD, "out.part", "ab", 2, 0644, &err), &err);
	ASSERT_OK(download((const char *const[]){ OK_ABC, OK_ABC, NULL }, &d, &err), &err);
	assert_file("out", "abc");
	/* no digest: nothing tells that the part belongs to it */
	d.sha256 = NULL;
	ASSERT_OK(file_replace_at(AT_FDCWD, "out.part", "zz", 2, 0644, &err), &err);
	ASSERT_OK(download((const char *const[]){ OK_ABC, NULL }, &d, &err), &err);
	assert_file("out", "abc");
	ASSERT(!d.resumed);
}

TEST(download_keeps_its_maximum)
{
	struct http_download d = { .max_bytes = 2 };
	struct err err = { 0 };

	ASSERT_EQ(download((const char *const[]){ OK_ABC, NULL }, &d, &err), -EFBIG);
	ASSERT(strstr(err.msg, "/f' is larger than 2 bytes"));
}

TEST(download_notices_a_stall)
{
	struct http_download d = { .stall_ms = 1000, .tries = 1 };
	struct err err = { 0 };
	uint64_t from = clock_ms();

	ASSERT_EQ(download((const char *const[]){ "STALL", NULL }, &d, &err), -ETIMEDOUT);
	ASSERT(clock_ms() - from < 8000);
	ASSERT(strstr(err.msg, "Operation too slow"));
}

TEST(download_follows_redirects_of_this_machine_alone)
{
	struct http_download d = { .sha256 = ABC_SHA };
	struct err err = { 0 };

	ASSERT_EQ(download(
			  (const char *const[]){
				  "HTTP/1.1 302 Found\r\nLocation: "
				  "http://example.invalid/x\r\nContent-Length: 0\r\n\r\n",
				  NULL },
			  &d, &err),
		  -EPROTONOSUPPORT);
	ASSERT_STR(err.msg,
		   "'http://example.invalid/x' is refused: only https is, or http on this machine");
	ASSERT_EQ(download((const char *const[]){ "HTTP/1.1 302 Found\r\nLocation: "
						  "file:///etc/passwd\r\nContent-Length: 0\r\n\r\n",
						  NULL },
			   &d, &err),
		  -EINVAL);
	ASSERT_OK(download((const char *const[]){ "HTTP/1.1 307 Moved\r\nLocation: "
						  "/other\r\nContent-Length: 5\r\n\r\nmoved",
						  OK_ABC, NULL },
			   &d, &err),
		  &err);
	ASSERT(requested("GET /other HTTP/1.1\r\n"));
	assert_file("out", "abc");
}

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

static int stop_at_once(void *arg, uint64_t done, uint64_t total)
{
	(void)done;
	(void)total;
	++*(int *)arg;
	return -ECANCELED;
}

TEST(progress_can_stop_a_download)
{
	int calls = 0;
	struct http_download d = { .progress = stop_at_once, .arg = &calls };
	struct err err = { 0 };

	ASSERT_EQ(download((const char *const[]){ OK_ABC, NULL }, &d, &err), -ECANCELED);
	ASSERT(calls > 0);
	ASSERT(strstr(err.msg, "was stopped"));
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

TEST(a_server_that_nobody_vouches_for_is_refused_at_once)
{
	struct spawn make = {
		.argv =
			(const char *const[]){
				"sh", "-c",
				"openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 "
				"-nodes -keyout key -out crt -days 2 -subj /CN=localhost "
				"-addext subjectAltName=DNS:localhost 2>/dev/null",
				NULL },
		.timeout_ms = 30000
	};
	struct spawn serve_tls = { .argv = (const char *const[]){
					   "sh", "-c",
					   "exec openssl s_server -accept 127.0.0.1:0 -key key "
					   "-cert crt -WWW >port 2>&1",
					   NULL } };
	cleanup_http struct http *h = NULL;
	cleanup_child struct child c = { 0 };
	cleanup_free char *text = NULL;
	struct err err = { 0 };
	char url[64], *port = NULL;

	ASSERT_OK(spawn_run(&make, &err), &err);
	ASSERT_OK(child_start(&serve_tls, -1, &c, &err), &err);
	for (int i = 0; i < 200 && !port; i++) { /* "ACCEPT 127.0.0.1:41234" */
		clock_sleep_ms(25);
		free(TAKE_PTR(text));
		if (file_read_at(AT_FDCWD, "port", 4096, &text, NULL, &err) == 0 &&
		    strchr(text, '\n'))
			port = strstr(text, "ACCEPT 127.0.0.1:");
	}
	ASSERT(port != NULL);
	port[strcspn(port, "\n")] = '\0';
	(void)snprintf(url, sizeof(url), "https://localhost:%s/crt", strrchr(port, ':') + 1);
	struct http_download d = { .url = url, .wait_ms = 60000 };

	ASSERT_OK(http_new(&h, &err), &err);
	ASSERT_EQ(http_download(h, &d, "out", &err), -EPROTO);
	ASSERT(strstr(err.msg, "self-signed certificate"));
	ASSERT_EQ(setenv("SSL_CERT_FILE", "crt", 1), 0);
	ASSERT_OK(http_download(h, &d, "out", &err), &err);
}

/* ---- under faults: our own calls and libcurl's heap ---- */

static struct server fault_server;

static int fetch_abc(void *arg, struct err *err)
{
	struct http_download d = { .url = fault_server.url, .sha256 = ABC_SHA, .tries = 1 };
	cleanup_http struct http *h = NULL;
	int r = http_new(&h, err);

	(void)arg;
	return r < 0 ? r : http_download(h, &d, "out", err);
}

static void file_or_nothing(void *arg, const struct fault_result *result)
{
	struct stat st;

	(void)arg;
	if (result->r == 0 || stat("out", &st) == 0)
		assert_file("out", "abc");
	ASSERT(!strstr(result->err->msg, "token"));
	(void)unlink("out");
	(void)unlink("out.part");
}

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

/* Answers as often as it is asked. */
static struct server start_endless(void)
{
	static const char *replies[100001];

	for (size_t i = 0; i + 1 < ARRAY_SIZE(replies); i++)
		replies[i] = OK_ABC;
	return start(replies);
}

static void curl_on_our_heap(void)
{
	/* the test is a process of its own: curl has not been started in it */
	ASSERT_EQ(curl_global_init_mem(CURL_GLOBAL_DEFAULT, malloc, free, realloc, strdup, calloc),
		  CURLE_OK);
}

TEST(download_gives_the_file_or_nothing_under_every_fault)
{
	CLEANUP(server_done) struct server s = start_endless();
	long calls;

	curl_on_our_heap();
	fault_server = s;
	calls = fault_loop(fetch_abc, file_or_nothing, NULL);
	printf("# %ld calls failed in turn\n", calls);
	ASSERT(calls > 60);
}

TEST(request_gives_the_reply_or_nothing_under_every_fault)
{
	CLEANUP(server_done) struct server s = start_endless();

	curl_on_our_heap();
	fault_server = s;
	ASSERT(fault_loop(ask, NULL, NULL) > 50);
}
