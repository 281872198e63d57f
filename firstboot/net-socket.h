/*
 * net-socket - a socket to an address, with a deadline (milliseconds of the monotonic clock)
 */
#pragma once

#include "addr.h"

#include <sys/socket.h>

/*
 * A non-blocking, close-on-exec socket of type (SOCK_STREAM, SOCK_DGRAM) that is connected;
 * owned by the caller. -ECONNREFUSED, -ETIMEDOUT, -EHOSTUNREACH, -ENETUNREACH, ...
 */
int socket_connect(const struct ip_addr *a, uint16_t port, int type,
		   uint64_t deadline_ms) MUST_CHECK;
/* Until events (POLLIN, POLLOUT) are there; -ETIMEDOUT: not before the deadline. */
int socket_wait(int fd, short events, uint64_t deadline_ms) MUST_CHECK;
