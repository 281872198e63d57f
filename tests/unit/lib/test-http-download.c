/* Whole files or nothing, from a server that breaks off, redirects, or is not whom it says. */
#include "http-fixture.h"
#include "spawn.h"

#include <sys/stat.h>

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
