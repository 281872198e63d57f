/*
 * Addresses of both families up and not duplicate, a default route for each, and for
 * a worker the API server's door open. DNS and NTP are told about, not waited for.
 * Looked at again every minute; kernel interfaces are read, nothing is configured here.
 */
#include "addr.h"
#include "agent.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <netdb.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

#define CONNECT_MS 3000

static int parse_own(const char *text, struct ip_prefix *ret, struct err *err)
{
	if (ip_prefix_parse(text, ret) < 0)
		return err_setf(err, -EINVAL, "node.json: '%s' is no address with prefix length",
				text);
	return 0;
}

static bool same_address(const struct sockaddr *sa, const struct ip_addr *want)
{
	if (sa->sa_family == AF_INET && want->family == IP_V4)
		return memcmp(&((const struct sockaddr_in *)(const void *)sa)->sin_addr,
			      want->bytes, 4) == 0;
	if (sa->sa_family == AF_INET6 && want->family == IP_V6)
		return memcmp(&((const struct sockaddr_in6 *)(const void *)sa)->sin6_addr,
			      want->bytes, 16) == 0;
	return false;
}

static bool is_up(const struct ip_addr *want)
{
	struct ifaddrs *all = NULL;
	bool found = false;

	if (getifaddrs(&all) < 0)
		return false;
	for (const struct ifaddrs *i = all; i && !found; i = i->ifa_next)
		found = i->ifa_addr && same_address(i->ifa_addr, want);
	freeifaddrs(all);
	return found;
}

/* Flags of the kernel's /proc/net/if_inet6: 0x08 duplicate, 0x40 tentative (if_addr.h). */
static int check_duplicate(struct agent *a, const struct ip_addr *addr, const char *text,
			   struct step_turn *turn, struct err *err)
{
	cleanup_free char *table = NULL;
	char hex[33];
	char *line;
	unsigned int flags;
	int r;

	if (addr->family != IP_V6)
		return TURN_DONE; /* NetworkManager probes IPv4 by ARP and leaves a duplicate down
				   */
	r = agent_read(a, "proc/net/if_inet6", &table, err);
	if (r < 0)
		return r;
	for (int i = 0; i < 16; i++)
		(void)snprintf(hex + 2 * i, 3, "%02x", addr->bytes[i]);
	line = strstr(table, hex);
	if (!line || sscanf(line, "%*s %*x %*x %*x %x", &flags) != 1)
		return TURN_DONE;
	if (flags & 0x08)
		return err_setf(err, -EADDRINUSE, "another machine on the network has %s", text);
	if (flags & 0x40) {
		step_reasonf(turn, "waiting until the network has shown that nobody else has %s",
			     text);
		return TURN_WAIT;
	}
	return TURN_DONE;
}

static bool has_default_route(struct agent *a, enum ip_family family)
{
	static const char v4[] = "\t00000000\t", v6[] = "00000000000000000000000000000000 00 ";
	cleanup_free char *table = NULL;
	struct err ignored = { 0 };

	if (agent_read(a, family == IP_V4 ? "proc/net/route" : "proc/net/ipv6_route", &table,
		       &ignored) < 0)
		return false;
	for (char *line = table; line && *line;
	     line = strchr(line, '\n'), line = line ? line + 1 : NULL) {
		char *end = strchr(line, '\n');
		size_t len = end ? (size_t)(end - line) : strlen(line);

		if (family == IP_V4 && memmem(line, len, v4, sizeof(v4) - 1))
			return true;
		/* "lo" holds an unreachable default of its own */
		if (family == IP_V6 && strncmp(line, v6, sizeof(v6) - 1) == 0 &&
		    !memmem(line, len, " lo", 3))
			return true;
	}
	return false;
}

static int check_family(struct agent *a, const char *text, struct step_turn *turn, struct err *err)
{
	struct ip_prefix own;
	int r = parse_own(text, &own, err);

	if (r < 0)
		return r;
	if (!is_up(&own.addr)) {
		step_reasonf(turn, "waiting for address %s on %s: is the cable plugged in?", text,
			     a->node.node.interface);
		return TURN_WAIT;
	}
	r = check_duplicate(a, &own.addr, text, turn, err);
	if (r != TURN_DONE)
		return r;
	if (!has_default_route(a, own.addr.family)) {
		step_reasonf(turn, "waiting for a default route of IPv%d", own.addr.family);
		return TURN_WAIT;
	}
	return TURN_DONE;
}

/* "https://host:6443" or "https://[v6]:6443" to a connected socket, closed again. */
static int try_connect(const char *url, struct step_turn *turn)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM }, *ai = NULL;
	cleanup_close int fd = -EBADF;
	char host[256], port[8];
	struct pollfd p;
	int error = 0, r;
	socklen_t len = sizeof(error);

	if (sscanf(url, "https://[%255[^]]]:%7[0-9]", host, port) != 2 &&
	    sscanf(url, "https://%255[^:/]:%7[0-9]", host, port) != 2) {
		step_reasonf(turn, "node.json: '%s' is no server address", url);
		return TURN_WAIT;
	}
	r = getaddrinfo(host, port, &hints, &ai);
	if (r != 0) {
		step_reasonf(turn, "cannot resolve '%s' of %s: %s", host, url, gai_strerror(r));
		return TURN_WAIT;
	}
	fd = socket(ai->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	r = fd < 0 ? -errno : neg_errno(connect(fd, ai->ai_addr, ai->ai_addrlen));
	freeaddrinfo(ai);
	if (r == -EINPROGRESS) {
		p = (struct pollfd){ .fd = fd, .events = POLLOUT };
		r = poll(&p, 1, CONNECT_MS) > 0 ? 0 : -ETIMEDOUT;
		if (r == 0 && getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) == 0)
			r = -error;
	}
	if (r < 0) {
		step_reasonf(turn, "waiting for the control-plane at %s: %s", url, strerror(-r));
		return TURN_WAIT;
	}
	return TURN_DONE;
}

int step_network(struct agent *a, struct step_turn *turn, struct err *err)
{
	for (size_t i = 0; i < a->node.node.addresses.len; i++) {
		int r = check_family(a, a->node.node.addresses.items[i], turn, err);

		if (r != TURN_DONE)
			return r;
	}
	if (a->node.node.role == NODE_WORKER && a->node.k3s.server)
		return try_connect(a->node.k3s.server, turn);
	return TURN_DONE;
}
