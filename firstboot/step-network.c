/*
 * Addresses of both families up and not duplicate, a default route for each, and for
 * a worker the API server's door open. DNS and NTP are told about, not waited for.
 * The link is watched (link-watch.h). Looked at again every 20 s; kernel interfaces are read,
 * nothing is configured here.
 */
#include "addr.h"
#include "agent.h"
#include "api-door.h"
#include "clock.h"
#include "net-services.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <string.h>
#include <sys/socket.h>

#define CONNECT_MS 2000
#define SERVICES_PAUSE_MS ((uint64_t)300 * 1000)

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

/*
 * Up or not: NetworkManager leaves a duplicate down (dad-timeout in its profile). What cannot be
 * asked, on a link that is down, is told by the other checks.
 */
static int check_others(struct agent *a, const struct ip_addr *addr, const char *text,
			struct err *err)
{
	struct mac_addr other;
	char mac[IP_TEXT_MAX];
	bool heard = address_probe_heard(&a->twins, addr, &other);

	address_probe_ask(&a->twins, a->node.node.interface, addr);
	if (!heard)
		return TURN_DONE;
	return err_setf(err, -EADDRINUSE, "another machine on the network has %s: %s", text,
			mac_addr_format(&other, mac));
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
	r = check_others(a, &own.addr, text, err);
	if (r < 0)
		return r;
	if (!is_up(&own.addr)) {
		step_reasonf(turn, "waiting for address %s on %s: is the cable plugged in?", text,
			     a->node.node.interface);
		return TURN_WAIT;
	}
	if (own.addr.family == IP_V6) {
		r = check_duplicate(a, &own.addr, text, turn, err);
		if (r != TURN_DONE)
			return r;
	}
	if (!has_default_route(a, own.addr.family)) {
		step_reasonf(turn, "waiting for a default route of IPv%d", own.addr.family);
		return TURN_WAIT;
	}
	return TURN_DONE;
}

/* A worker's door into the cluster: the server of its seed or any other control-plane. */
static int check_door(struct agent *a, struct step_turn *turn)
{
	const char *server = a->node.k3s.server;
	int r = api_door_try(server, CONNECT_MS);
	char url[API_URL_MAX];

	for (size_t i = 0; r < 0 && i < a->node.peers.len; i++) {
		const struct node_peer *p = &a->node.peers.items[i];

		if (p->role == NODE_CONTROL_PLANE && p->addresses.len &&
		    api_url_of(p->addresses.items[0], url, sizeof(url)) >= 0 &&
		    api_door_try(url, CONNECT_MS) == 0)
			return TURN_DONE;
	}
	if (r == 0)
		return TURN_DONE;
	if (r == -EINVAL)
		step_reasonf(turn, "node.json: '%s' is no server address", server);
	else if (r == -EADDRNOTAVAIL)
		step_reasonf(turn, "the name in %s cannot be resolved", server);
	else
		step_reasonf(turn, "waiting for the control-plane at %s: %s", server, strerror(-r));
	return TURN_WAIT;
}

/* Not at the first look: nothing waits for them. */
static void look_at_services(struct agent *a, struct step_turn *turn)
{
	uint64_t now = clock_ms();

	if (!a->services_ms) {
		a->services_ms = now;
	} else if (now >= a->services_ms) {
		net_services_tell(&a->node, DNS_PORT, NTP_PORT, a->services, sizeof(a->services));
		a->services_ms = now + SERVICES_PAUSE_MS;
	}
	if (a->services[0])
		step_reasonf(turn, "%s", a->services);
}

int step_network(struct agent *a, struct step_turn *turn, struct err *err)
{
	int r;

	for (size_t i = 0; i < a->node.node.addresses.len; i++) {
		r = check_family(a, a->node.node.addresses.items[i], turn, err);

		if (r != TURN_DONE)
			return r;
	}
	r = link_watch_turn(a, turn, err);
	if (r != TURN_DONE)
		return r;
	if (a->node.node.role == NODE_WORKER && a->node.k3s.server)
		r = check_door(a, turn);
	if (r == TURN_DONE)
		look_at_services(a, turn);
	return r;
}
