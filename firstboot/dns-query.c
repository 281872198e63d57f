#include "dns-query.h"

#include "clock.h"
#include "net-socket.h"

#include <poll.h>
#include <string.h>
#include <sys/random.h>

#define TRIES 3
#define UDP_MAX 4096

struct query {
	uint8_t bytes[DNS_QUERY_MAX];
	size_t len;
};

static int make_query(const char *name, enum dns_type type, struct query *q)
{
	uint16_t id;
	int n;

	if (getrandom(&id, sizeof(id), 0) != sizeof(id))
		return -EIO;
	n = dns_write_query(name, type, id, q->bytes);
	if (n < 0)
		return n;
	q->len = (size_t)n;
	return 0;
}

/* Until an answer to q comes; others are passed over. */
static int receive_udp(int fd, const struct query *q, uint64_t deadline_ms, struct dns_answer *ret)
{
	uint8_t msg[UDP_MAX];

	for (;;) {
		ssize_t n;
		int r = socket_wait(fd, POLLIN, deadline_ms);

		if (r < 0)
			return r;
		n = recv(fd, msg, sizeof(msg), 0);
		if (n < 0 && (errno == EINTR || errno == EAGAIN))
			continue;
		if (n < 0)
			return -errno;
		r = dns_read_reply(msg, (size_t)n, q->bytes, q->len, ret);
		if (r != -EAGAIN)
			return r;
	}
}

static int ask_udp(const struct ip_addr *server, uint16_t port, const struct query *q,
		   unsigned int timeout_ms, struct dns_answer *ret)
{
	cleanup_close int fd = socket_connect(server, port, SOCK_DGRAM, 0);
	int r = -ETIMEDOUT;

	if (fd < 0)
		return fd;
	for (int i = 0; i < TRIES && r == -ETIMEDOUT; i++) {
		if (send(fd, q->bytes, q->len, MSG_NOSIGNAL) < 0)
			return -errno;
		r = receive_udp(fd, q, clock_ms() + timeout_ms / TRIES, ret);
	}
	return r;
}

static int receive_all(int fd, uint8_t *dst, size_t len, uint64_t deadline_ms)
{
	while (len > 0) {
		ssize_t n;
		int r = socket_wait(fd, POLLIN, deadline_ms);

		if (r < 0)
			return r;
		n = recv(fd, dst, len, 0);
		if (n == 0)
			return -ECONNRESET;
		if (n < 0 && errno != EINTR && errno != EAGAIN)
			return -errno;
		if (n > 0) {
			dst += n;
			len -= (size_t)n;
		}
	}
	return 0;
}

static int ask_tcp(const struct ip_addr *server, uint16_t port, const struct query *q,
		   uint64_t deadline_ms, struct dns_answer *ret)
{
	cleanup_close int fd = socket_connect(server, port, SOCK_STREAM, deadline_ms);
	cleanup_free uint8_t *msg = malloc(DNS_REPLY_MAX);
	uint8_t framed[2 + DNS_QUERY_MAX] = { (uint8_t)(q->len >> 8), (uint8_t)q->len };
	size_t len;
	int r;

	if (fd < 0)
		return fd;
	if (!msg)
		return -ENOMEM;
	memcpy(framed + 2, q->bytes, q->len);
	/* so few bytes on a fresh connection always fit into its buffer */
	if (send(fd, framed, q->len + 2, MSG_NOSIGNAL) != (ssize_t)q->len + 2)
		return -EPIPE;
	r = receive_all(fd, msg, 2, deadline_ms);
	if (r < 0)
		return r;
	len = (size_t)msg[0] << 8 | msg[1];
	r = receive_all(fd, msg, len, deadline_ms);
	if (r >= 0)
		r = dns_read_reply(msg, len, q->bytes, q->len, ret);
	return r == -EAGAIN ? -EBADMSG : r;
}

int dns_ask(const struct ip_addr *server, uint16_t port, const char *name, enum dns_type type,
	    unsigned int timeout_ms, struct dns_answer *ret, struct err *err)
{
	struct dns_answer answer;
	const char *how = "UDP";
	char text[IP_TEXT_MAX];
	struct query q;
	int r = make_query(name, type, &q);

	if (r < 0)
		return err_errnof(err, r, "cannot ask for '%s'", name);
	r = ask_udp(server, port, &q, timeout_ms, &answer);
	if (r >= 0 && answer.truncated) {
		how = "TCP";
		r = ask_tcp(server, port, &q, clock_ms() + timeout_ms, &answer);
	}
	if (r < 0)
		return err_errnof(err, r, "%s gives no answer over %s for %s %s",
				  ip_addr_format(server, text), how, name,
				  dns_type_to_string(type));
	*ret = answer;
	return 0;
}
