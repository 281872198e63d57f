#include "net-socket.h"

#include "clock.h"

#include <netinet/in.h>
#include <poll.h>
#include <string.h>

static socklen_t to_sockaddr(const struct ip_addr *a, uint16_t port, struct sockaddr_storage *ret)
{
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)ret;
	struct sockaddr_in *v4 = (struct sockaddr_in *)ret;

	memset(ret, 0, sizeof(*ret));
	if (a->family == IP_V6) {
		v6->sin6_family = AF_INET6;
		v6->sin6_port = htons(port);
		memcpy(&v6->sin6_addr, a->bytes, 16);
		return sizeof(*v6);
	}
	v4->sin_family = AF_INET;
	v4->sin_port = htons(port);
	memcpy(&v4->sin_addr, a->bytes, 4);
	return sizeof(*v4);
}

int socket_wait(int fd, short events, uint64_t deadline_ms)
{
	struct pollfd p = { .fd = fd, .events = events };
	int n;

	do {
		int left = clock_left_ms(deadline_ms);

		n = poll(&p, 1, left);
		if (n < 0 && errno != EINTR)
			return -errno;
	} while (n < 0);
	return n == 0 ? -ETIMEDOUT : 0;
}

int socket_connect(const struct ip_addr *a, uint16_t port, int type, uint64_t deadline_ms)
{
	cleanup_close int fd = -EBADF;
	struct sockaddr_storage to;
	socklen_t len = to_sockaddr(a, port, &to);
	int r, e = 0;

	fd = neg_errno(socket(to.ss_family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
	if (fd < 0)
		return fd;
	if (connect(fd, (struct sockaddr *)&to, len) == 0)
		return TAKE_FD(fd);
	if (errno != EINPROGRESS && errno != EINTR)
		return -errno;
	r = socket_wait(fd, POLLOUT, deadline_ms);
	if (r < 0)
		return r;
	len = sizeof(e);
	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &e, &len) < 0)
		return -errno;
	return e ? -e : TAKE_FD(fd);
}
