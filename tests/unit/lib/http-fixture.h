/*
 * http-fixture - a real socket: a child answers each connection with the next canned reply
 *
 * Requests' heads are kept in the file "requests". Every test is a process of its own.
 */
#pragma once

#include "clock.h"
#include "fault.h"
#include "file.h"
#include "http.h"
#include "test.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>

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

static inline struct server start(const char *const *replies)
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

/* Answers as often as it is asked. */
static inline struct server start_endless(void)
{
	static const char *replies[100001];

	for (size_t i = 0; i + 1 < ARRAY_SIZE(replies); i++)
		replies[i] = OK_ABC;
	return start(replies);
}

/* For fault loops: what curl allocates fails as well. */
static inline void curl_on_our_heap(void)
{
	/* the test is a process of its own: curl has not been started in it */
	ASSERT_EQ(curl_global_init_mem(CURL_GLOBAL_DEFAULT, malloc, free, realloc, strdup, calloc),
		  CURLE_OK);
}
