#include "net-services.h"

#include "addr.h"
#include "clock.h"

#include <netinet/in.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

#define SERVERS_MAX 16

/* Who is the root's name server? RFC 1035: id, recursion desired, one question ". NS IN". */
static const unsigned char dns_question[] = { 0x4b, 0x69, 0x01, 0x00, 0, 1, 0, 0, 0,
					      0,    0,	  0,	0,    0, 2, 0, 1 };
/* RFC 5905: version 4, mode client, all else zero. */
static const unsigned char ntp_question[48] = { 0x23 };

struct server {
	const char *what, *name; /* borrowed */
	struct pollfd p;
	bool answered;
};

static int ask(const char *name, uint16_t port, const void *msg, size_t len)
{
	struct sockaddr_in v4 = { .sin_family = AF_INET, .sin_port = htons(port) };
	struct sockaddr_in6 v6 = { .sin6_family = AF_INET6, .sin6_port = htons(port) };
	cleanup_close int fd = -EBADF;
	struct ip_addr ip;
	int r;

	if (ip_addr_parse(name, &ip) < 0)
		return -EINVAL;
	memcpy(&v4.sin_addr, ip.bytes, sizeof(v4.sin_addr));
	memcpy(&v6.sin6_addr, ip.bytes, sizeof(v6.sin6_addr));
	fd = socket(ip.family == IP_V6 ? AF_INET6 : AF_INET,
		    SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -EIO;
	r = ip.family == IP_V6 ? connect(fd, (struct sockaddr *)&v6, sizeof(v6))
			       : connect(fd, (struct sockaddr *)&v4, sizeof(v4));
	if (r == 0)
		(void)!send(fd, msg, len, MSG_NOSIGNAL); /* one that fails gets no answer */
	return TAKE_FD(fd);
}

static size_t ask_all(const struct json_strings *names, const char *what, uint16_t port,
		      const void *msg, size_t len, struct server *dst, size_t have)
{
	for (size_t i = 0; i < names->len && have < SERVERS_MAX; i++) {
		int fd = ask(names->items[i], port, msg, len);

		if (fd != -EINVAL)
			dst[have++] = (struct server){ .what = what,
						       .name = names->items[i],
						       .p = { .fd = fd, .events = POLLIN } };
	}
	return have;
}

/* One look at all; true when nobody is left to be heard. */
static bool hear(struct server *s, size_t len, uint64_t deadline_ms)
{
	struct pollfd p[SERVERS_MAX];
	char byte;
	bool left = false;

	for (size_t i = 0; i < len; i++) {
		p[i] = s[i].p;
		left |= p[i].fd >= 0;
	}
	if (!left || poll(p, len, clock_left_ms(deadline_ms)) <= 0)
		return true;
	for (size_t i = 0; i < len; i++) {
		if (p[i].fd < 0 || !p[i].revents)
			continue;
		/* an error, such as a closed port's, is an answer of the machine, not of the
		 * service */
		s[i].answered = recv(p[i].fd, &byte, 1, MSG_DONTWAIT) > 0;
		close_fdp(&s[i].p.fd);
		s[i].p.fd = -EBADF;
	}
	return false;
}

void net_services_tell(const struct node_json *n, uint16_t dns_port, uint16_t ntp_port, char *dst,
		       size_t size)
{
	struct server s[SERVERS_MAX];
	uint64_t deadline_ms = clock_ms() + NET_SERVICES_MS;
	size_t len, at = 0;

	len = ask_all(&n->node.dns, "DNS", dns_port, dns_question, sizeof(dns_question), s, 0);
	len = ask_all(&n->node.ntp, "NTP", ntp_port, ntp_question, sizeof(ntp_question), s, len);
	while (!hear(s, len, deadline_ms))
		;
	*dst = '\0';
	for (size_t i = 0; i < len; i++) {
		close_fdp(&s[i].p.fd);
		if (!s[i].answered && at < size)
			at += (size_t)snprintf(dst + at, size - at,
					       "%s%s server %s does not answer", at ? ", " : "",
					       s[i].what, s[i].name);
	}
}
