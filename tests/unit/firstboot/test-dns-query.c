#include "dns-query.h"
#include "test.h"

#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>

#define ADDRESSES 20 /* more than UDP's answer has */

enum manner { PROMPT, SECOND_TRY, OTHERS_FIRST, CUT };

struct server {
	pid_t pid;
	uint16_t port;
};

static size_t reply_of(const uint8_t *query, size_t len, unsigned int flags, size_t n, uint8_t *dst)
{
	static const uint8_t rr[] = { 0xc0, 0x0c, 0, 1, 0, 1, 0, 0, 0, 5, 0, 4, 10, 43, 0 };

	memcpy(dst, query, len);
	dst[2] = (uint8_t)(0x84 | flags);
	dst[7] = (uint8_t)n;
	for (size_t i = 0; i < n; i++) {
		memcpy(dst + len, rr, sizeof(rr));
		len += sizeof(rr);
		dst[len++] = (uint8_t)i;
	}
	return len;
}

/* One question over TCP: its length before it, as before the answer. */
static void serve_tcp(int listener)
{
	int fd = accept(listener, NULL, NULL);
	uint8_t q[512], a[1024];
	ssize_t n = recv(fd, q, sizeof(q), 0);
	size_t len;

	if (n <= 2)
		_exit(1);
	len = reply_of(q + 2, (size_t)n - 2, 0, ADDRESSES, a + 2);
	a[0] = (uint8_t)(len >> 8);
	a[1] = (uint8_t)len;
	/* in two pieces, as networks do */
	if (send(fd, a, 1, 0) != 1 || send(fd, a + 1, len + 1, 0) != (ssize_t)len + 1)
		_exit(1);
	(void)close(fd);
}

static void serve(int udp, int tcp, enum manner how)
{
	for (unsigned int asked = 0;; asked++) {
		struct sockaddr_in from;
		socklen_t size = sizeof(from);
		uint8_t q[512], a[1024];
		ssize_t n = recvfrom(udp, q, sizeof(q), 0, (struct sockaddr *)&from, &size);
		size_t len;

		if (n < 0)
			_exit(1);
		if (how == SECOND_TRY && asked == 0)
			continue;
		len = reply_of(q, (size_t)n, how == CUT ? 2 : 0, how == CUT ? 0 : 1, a);
		if (how == OTHERS_FIRST) {
			a[0] ^= 0xff;
			(void)sendto(udp, a, len, 0, (struct sockaddr *)&from, size);
			a[0] ^= 0xff;
		}
		(void)sendto(udp, a, len, 0, (struct sockaddr *)&from, size);
		if (how == CUT)
			serve_tcp(tcp);
	}
}

/* UDP and TCP at one port of the loopback. */
static struct server start(enum manner how)
{
	struct sockaddr_in at = { .sin_family = AF_INET,
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t size = sizeof(at);
	struct server s = { 0 };
	int udp = -1, tcp = -1;

	for (int i = 0; i < 20; i++) {
		at.sin_port = 0;
		udp = socket(AF_INET, SOCK_DGRAM, 0);
		tcp = socket(AF_INET, SOCK_STREAM, 0);
		ASSERT(udp >= 0 && tcp >= 0);
		ASSERT(bind(udp, (struct sockaddr *)&at, sizeof(at)) == 0);
		ASSERT(getsockname(udp, (struct sockaddr *)&at, &size) == 0);
		if (bind(tcp, (struct sockaddr *)&at, sizeof(at)) == 0)
			break;
		(void)close(udp);
		(void)close(tcp);
	}
	ASSERT(listen(tcp, 4) == 0);
	s.port = ntohs(at.sin_port);
	s.pid = fork();
	ASSERT(s.pid >= 0);
	if (s.pid == 0)
		serve(udp, tcp, how);
	(void)close(udp);
	(void)close(tcp);
	return s;
}

static void stop(struct server *s)
{
	(void)kill(s->pid, SIGKILL);
	(void)waitpid(s->pid, NULL, 0);
}

static void answers(enum manner how, size_t addresses)
{
	struct server s = start(how);
	struct ip_addr loopback;
	struct dns_answer a;
	struct err err = { 0 };

	ASSERT_EQ(ip_addr_parse("127.0.0.1", &loopback), 0);
	ASSERT_OK(dns_ask(&loopback, s.port, "web.svc", DNS_A, 30000, &a, &err), &err);
	ASSERT_EQ(a.len, addresses);
	ASSERT(!a.truncated);
	ASSERT_EQ(a.addresses[addresses - 1].bytes[3], addresses - 1);
	stop(&s);
}

TEST(an_answer_at_once)
{
	answers(PROMPT, 1);
}

TEST(a_packet_that_was_lost_is_sent_again)
{
	struct server s = start(SECOND_TRY);
	struct ip_addr loopback;
	struct dns_answer a;
	struct err err = { 0 };

	ASSERT_EQ(ip_addr_parse("127.0.0.1", &loopback), 0);
	ASSERT_OK(dns_ask(&loopback, s.port, "web.svc", DNS_A, 6000, &a, &err), &err);
	ASSERT_EQ(a.len, 1);
	stop(&s);
}

TEST(answers_to_others_are_passed_over)
{
	answers(OTHERS_FIRST, 1);
}

TEST(what_does_not_fit_comes_over_tcp)
{
	answers(CUT, ADDRESSES);
}

TEST(nobody_listens)
{
	struct server s = start(PROMPT);
	struct ip_addr loopback;
	struct dns_answer a;
	struct err err = { 0 };

	stop(&s);
	ASSERT_EQ(ip_addr_parse("127.0.0.1", &loopback), 0);
	ASSERT_EQ(dns_ask(&loopback, s.port, "web.svc", DNS_A, 300, &a, &err), -ECONNREFUSED);
	ASSERT_STR(err.msg, "127.0.0.1 gives no answer over UDP for web.svc A: Connection refused");
}
