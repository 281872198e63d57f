#include "api-door.h"

#include "addr.h"

#include <netdb.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

static int connect_to(const struct addrinfo *ai, unsigned int timeout_ms)
{
	cleanup_close int fd = socket(ai->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	struct pollfd p = { .fd = fd, .events = POLLOUT };
	socklen_t len = sizeof(int);
	int error = 0, r;

	if (fd < 0)
		return -errno;
	r = neg_errno(connect(fd, ai->ai_addr, ai->ai_addrlen));
	if (r != -EINPROGRESS)
		return r;
	if (poll(&p, 1, (int)timeout_ms) <= 0)
		return -ETIMEDOUT;
	return getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) < 0 ? -errno : -error;
}

int api_door_try(const char *url, unsigned int timeout_ms)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM }, *ai = NULL;
	char host[256], port[8];
	int r;

	if (sscanf(url, "https://[%255[^]]]:%7[0-9]", host, port) != 2 &&
	    sscanf(url, "https://%255[^:/]:%7[0-9]", host, port) != 2)
		return -EINVAL;
	if (getaddrinfo(host, port, &hints, &ai) != 0)
		return -EADDRNOTAVAIL;
	r = -ECONNREFUSED;
	for (const struct addrinfo *a = ai; a && r < 0; a = a->ai_next) {
		int one = connect_to(a, timeout_ms);

		if (one == 0 || r == -ECONNREFUSED) /* all must refuse to be a refusal */
			r = one;
	}
	freeaddrinfo(ai);
	return r;
}

int api_url_of(const char *address, char *ret, size_t size)
{
	size_t len = strcspn(address, "/");
	char text[IP_TEXT_MAX];
	struct ip_addr a;

	if (len >= sizeof(text))
		return -EINVAL;
	(void)snprintf(text, sizeof(text), "%.*s", (int)len, address);
	if (ip_addr_parse(text, &a) < 0)
		return -EINVAL;
	(void)snprintf(ret, size, a.family == IP_V6 ? "https://[%s]:%d" : "https://%s:%d", text,
		       API_PORT);
	return 0;
}
